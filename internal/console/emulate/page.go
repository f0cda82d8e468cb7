package emulate

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"time"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/fault"
)

// page is the emulator as it stands.
type page struct {
	web.Frame
	Piece bool   // of a page: what has changed since it was written
	Live  string // address of what has changed since; "": nobody asks for it

	Now       string // what the clock says, in the viewer's zone
	Frozen    bool
	Ahead     string // of the machine's clock, in words; "" if that goes without saying
	Plans     *plans // nil: as before
	Snapshots []snapshot
	Calls     *calls // nil: as before

	Text    string // of a plan of one's own, as it was entered
	Mistake string // in it
}

// plans are those that can be begun, and the one under way.
type plans struct {
	Ready  []ready
	Under  bool   // there is one under way
	Name   string // its name, in words
	Own    bool   // it is none of Ready
	About  string
	Ended  bool
	Until  string // when it ends by itself, "" if it does not
	Rules  []rule
	Struck int
}

type ready struct {
	Name, About string
	On          bool
}

type rule struct {
	Name, Strikes, Effect string
	Seen, Struck          int
}

type snapshot struct {
	Name  string
	Saved i18n.Stamp
	Clock string
}

func (v visit) show() error { return v.page(http.StatusOK, &page{Text: v.begun()}) }

// begun is the text of the ready-made plan that somebody wants to begin their own with.
func (v visit) begun() string {
	text, _ := fault.ReadyMade(v.R.URL.Query().Get("from"))
	return string(text)
}

func (v visit) page(status int, p *page) error {
	v.tell(p)
	p.Plans, p.Calls = v.plans(), v.calls()
	for _, s := range v.host.Snapshots() {
		p.Snapshots = append(p.Snapshots, snapshot{s.Name, i18n.StampOf(s.Saved, v.Zone), v.second(s.Clock)})
	}
	if v.R.URL.Query().Get("live") != "off" {
		p.Live = v.liveAddress(v.mark(), p.Calls.mark)
	}
	return v.Page(status, "emulator", v.Say(msg("nav.emulator")), p)
}

// tell fills in what the clock says.
func (v visit) tell(p *page) {
	c := v.host.Emulator().Clock
	p.Now, p.Frozen = v.second(c.Now()), !c.State().Frozen.IsZero()
	if ahead := c.Ahead().Round(time.Second); c.Bent() && ahead != 0 {
		p.Ahead = aheadOf(v.Lang, ahead)
	}
}

func (v visit) second(t time.Time) string { return i18n.StampOf(t, v.Zone).Second }

// live answers with the pieces of the page that have changed.
func (v visit) live() error {
	p := &page{Piece: true}
	v.tell(p)
	q := v.R.URL.Query()
	mark := v.mark()
	if q.Get("plan") != mark {
		p.Plans = v.plans()
	}
	now := v.callsMark()
	if q.Get("calls") != now {
		p.Calls = v.calls()
	}
	p.Live = v.liveAddress(mark, now)
	p.Bent = Banner(v.host.Emulator(), v.Lang, v.Zone)
	return v.Part(http.StatusOK, "emulator", "live", p)
}

// liveAddress is where what changes after some marks is asked for.
func (v visit) liveAddress(plan, calls string) string {
	q := v.filterQuery()
	q.Set("plan", plan)
	q.Set("calls", calls)
	return address + "/live?" + q.Encode()
}

// mark changes with the plan under way and what it has struck.
func (v visit) mark() string {
	h := fnv.New64a()
	if f := v.host.Emulator().Faults(); f != nil {
		_, _ = fmt.Fprint(h, f.Plan.About, f.State, f.Ended)
	}
	return fmt.Sprintf("%x", h.Sum64())
}

func (v visit) plans() *plans {
	p := &plans{}
	f := v.host.Emulator().Faults()
	if f != nil {
		p.Under, p.Name, p.About, p.Ended = true, fault.NameOf(f.Plan), f.Plan.About, f.Ended
		if ttl := time.Duration(f.Plan.TTL); ttl > 0 && !f.Ended {
			p.Until = v.second(f.State.Began.Add(ttl))
		}
		for i, r := range f.Plan.Rules {
			strikes, effect := r.Texts()
			counts := f.State.Rules[i]
			p.Rules = append(p.Rules, rule{r.Name, strikes, effect, counts.Seen, counts.Struck})
			p.Struck += counts.Struck
		}
	}
	for _, r := range fault.ReadyPlans() {
		p.Ready = append(p.Ready, ready{r.Name, aboutOf(v.Lang, r), p.Name == r.Name && !p.Ended})
		if p.Name == r.Name {
			p.About = aboutOf(v.Lang, r)
		}
	}
	if p.Under && p.Name == "" {
		p.Own, p.Name = true, v.Say(msg("emulator.own"))
	}
	return p
}

// filterQuery is what of the address says which calls are shown.
func (v visit) filterQuery() url.Values {
	q := url.Values{}
	for _, key := range []string{"path", "errcode", "program", "rule"} {
		if text := v.R.URL.Query().Get(key); text != "" {
			q.Set(key, text)
		}
	}
	return q
}
