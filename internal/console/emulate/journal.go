package emulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mpblock/internal/console/web"
	"mpblock/internal/emulator"
)

// calls are the newest calls of the journal that fit.
type calls struct {
	Rows       []call
	Set        bool // they are filtered, as below
	Any        bool // there are calls at all
	Kept       int
	HAR, Pause string // addresses
	Paused     bool

	Path, Errcode, Program, Rule string

	mark string // changes with the journal
}

type call struct {
	N            uint64
	Address      string
	Time, Second string
	Method, Path string
	Status, Code int
	Bad          bool
	Rule, Fate   string
	Took         string

	AppID, Program string
}

// shown is how many calls the page shows.
const shown = 100

func (v visit) callsMark() string {
	j := v.host.Emulator().Journal
	_, last := j.Read(emulator.Filter{}, 0, 0)
	return fmt.Sprintf("%d-%d", last, j.Len())
}

// filter reads which calls are wanted; a part of a path or a name will do.
func (v visit) filter() emulator.Filter {
	q := v.R.URL.Query()
	part := func(text string) string {
		if text = strings.TrimSpace(text); text == "" || strings.Contains(text, "*") {
			return text
		}
		return "*" + text + "*"
	}
	f := emulator.Filter{Path: part(q.Get("path")), Program: part(q.Get("program")), Rule: part(q.Get("rule"))}
	if code, err := strconv.Atoi(strings.TrimSpace(q.Get("errcode"))); err == nil {
		f.Code = &code
	}
	return f
}

func (v visit) calls() *calls {
	q := v.filterQuery()
	c := &calls{Path: q.Get("path"), Errcode: q.Get("errcode"), Program: q.Get("program"), Rule: q.Get("rule"), Set: len(q) > 0, mark: v.callsMark()}
	c.HAR = address + "/calls.har?" + q.Encode()
	c.Paused = v.R.URL.Query().Get("live") == "off"
	if !c.Paused {
		q.Set("live", "off")
	}
	c.Pause = address + "?" + q.Encode() + "#journal"
	j := v.host.Emulator().Journal
	c.Kept = j.Len()
	c.Any = c.Kept > 0
	entries, _ := j.Read(v.filter(), 0, shown)
	for i := len(entries) - 1; i >= 0; i-- {
		c.Rows = append(c.Rows, v.call(entries[i]))
	}
	return c
}

func (v visit) call(e emulator.Entry) call {
	c := call{
		N: e.N, Address: address + "/calls/" + e.RID, Time: e.Time.In(v.Zone).Format("15:04:05"), Second: v.second(e.Time),
		Method: e.Method, Path: e.Path, Status: e.Status, Code: e.Code, Bad: e.Code != 0 || e.Status != http.StatusOK,
		Rule: e.Rule, Took: tookOf(e.Took), AppID: e.AppID, Program: e.Program,
	}
	if e.Fate != "" {
		c.Fate, c.Bad = v.Say(fates[e.Fate]), true
	}
	return c
}

// fates are the words for what becomes of an answer.
var fates = map[string]msg{
	emulator.FateReset:   msg("emulator.fate.reset"),
	emulator.FateClosed:  msg("emulator.fate.closed"),
	emulator.FateSilence: msg("emulator.fate.silence"),
	emulator.FateGateway: msg("emulator.fate.gateway"),
	emulator.FateHalf:    msg("emulator.fate.half"),
	emulator.FateMiddle:  msg("emulator.fate.middle"),
	emulator.FateGone:    msg("emulator.fate.gone"),
}

func tookOf(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// entryPage is one call with its bodies.
type entryPage struct {
	web.Frame
	Call                        call
	RID, Remote, Query, Detail  string
	Request, Response           string // as people read them
	RequestBytes, ResponseBytes int
	RequestCut, ResponseCut     bool
}

func (v visit) entry() error {
	e, ok := v.host.Emulator().Journal.ByRID(v.R.PathValue("rid"))
	if !ok {
		return web.ErrMissing
	}
	p := &entryPage{
		Call: v.call(e), RID: e.RID, Remote: e.Remote, Query: e.Query, Detail: e.Detail,
		Request: pretty(e.Request), Response: pretty(e.Response), RequestBytes: e.RequestBytes, ResponseBytes: e.ResponseBytes,
		RequestCut: e.RequestBytes > emulator.MaxKept, ResponseCut: e.ResponseBytes > emulator.MaxKept,
	}
	if v.HTMX() {
		return v.Part(http.StatusOK, "entry", "entry", p)
	}
	return v.Page(http.StatusOK, "entry", v.Say(msg("emulator.call.title"), strconv.FormatUint(e.N, 10)), p)
}

// pretty sets JSON out in lines; what is none stays as it is.
func pretty(body string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return body
	}
	return b.String()
}

// har sends all calls that fit, as an HTTP Archive.
func (v visit) har() error {
	entries, _ := v.host.Emulator().Journal.Read(v.filter(), 0, emulator.MaxJournal)
	v.Download("mpblock-calls.har", "application/json")
	return json.NewEncoder(v.W).Encode(emulator.HAR(entries))
}
