package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
)

// filter is what a list is narrowed down by, as it stands in the address, and what it
// can be narrowed down by.
type filter struct {
	Query, Reason string
	Actor         string // as lists.MadeBy has it
	ActorName     string // in words
	Action        string // block, unblock or ""
	Days          string // the last so many, with today; "" if there are From and To
	Day           string // of UTC+8, YYYY-MM-DD: as the overview counts
	Ends          string // those that end within so many days
	From, To      string // days in the viewer's zone, YYYY-MM-DD
	Elsewhere     string // address of the search, if Query is not for a list
	Set           bool   // any of them is there
	Clear         string // address without them

	Spans, Reasons, Actions, Ending []choice
	AnyReason, Anybody              choice
	People                          []maker
	kept                            url.Values // of the address, for the forms
}

// choice is a link that narrows a list down.
type choice struct {
	Text, Address string
	Count         int
	Current       bool
}

// maker is somebody who made changes, with the jobs that they started.
type maker struct {
	choice
	Jobs []choice
}

const (
	filterReasons = 20 // that a list can be narrowed down by at a click
	filterJobs    = 5  // likewise, of one person
)

// filter reads the filter of the address; where it is for a page, offers says so.
func (v *visit) filter() filter {
	q := v.R.URL.Query()
	f := filter{
		Reason: strings.TrimSpace(q.Get("reason")), Actor: web.ActorAsked(strings.TrimSpace(q.Get("actor"))),
		Action: q.Get("action"), Days: q.Get("days"), Day: q.Get("day"), From: q.Get("from"), To: q.Get("to"), Ends: q.Get("ends"), kept: url.Values{},
	}
	f.Query, f.Elsewhere = v.begin()
	f.Set = f.Query+f.Reason+f.Actor+f.Action+f.Days+f.Day+f.From+f.To+f.Ends != ""
	for _, key := range []string{"q", "reason", "actor", "action", "days", "day", "from", "to", "ends", "sort"} {
		if q.Get(key) != "" {
			f.kept.Set(key, q.Get(key))
		}
	}
	f.Clear = f.with(v, "q", "", "reason", "", "actor", "", "action", "", "days", "", "day", "", "from", "", "to", "", "ends", "")
	if f.Actor != "" {
		f.ActorName = actors.Of(v.Visit, f.Actor).Name
	}
	return f
}

// with returns the address of the list with some fields changed: names and values in
// turns, "" for none.
func (f filter) with(v *visit, fields ...string) string {
	q := url.Values{}
	for key, values := range f.kept {
		q[key] = values
	}
	for field := range slices.Chunk(fields, 2) {
		if q.Del(field[0]); field[1] != "" {
			q.Set(field[0], field[1])
		}
	}
	if len(q) == 0 {
		return v.R.URL.Path
	}
	return v.R.URL.Path + "?" + q.Encode()
}

// keptField is a field of the address that a form hands on.
type keptField struct{ Name, Value string }

// Keep returns the fields that a form hands on, beside those that it asks for.
func (f filter) Keep(asked ...string) []keptField {
	var all []keptField
	for key, values := range f.kept {
		if !slices.Contains(asked, key) {
			all = append(all, keptField{key, values[0]})
		}
	}
	slices.SortFunc(all, func(a, b keptField) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// offer fills what the list can be narrowed down by.
func (f *filter) offer(v *visit) error {
	for _, span := range []struct {
		days string
		text msg
	}{{"", msg("filter.ever")}, {"1", msg("filter.today")}, {"7", msg("filter.week")}, {"30", msg("filter.month")}} {
		f.Spans = append(f.Spans, choice{
			Text: v.Say(span.text), Address: f.with(v, "days", span.days, "day", "", "from", "", "to", ""), Current: f.Days == span.days && f.Day+f.From+f.To == "",
		})
	}
	if f.Day != "" {
		f.Spans = append(f.Spans, choice{Text: v.Say(msg("filter.whole"), f.Day), Address: f.with(v), Current: true})
	}
	f.AnyReason = choice{Text: v.Say(msg("filter.any")), Address: f.with(v, "reason", ""), Current: f.Reason == ""}
	reasons, err := v.Desk.ReasonCounts(v.Ctx(), v.Account.AppID, filterReasons)
	if err != nil {
		return err
	}
	for _, r := range reasons {
		f.Reasons = append(f.Reasons, choice{r.Reason, f.with(v, "reason", r.Reason), r.Count, strings.EqualFold(r.Reason, f.Reason)})
	}
	f.Anybody = choice{Text: v.Say(msg("filter.anybody")), Address: f.with(v, "actor", ""), Current: f.Actor == ""}
	return f.offerPeople(v)
}

// offerActions is for lists with changes of both kinds.
func (f *filter) offerActions(v *visit) {
	for _, a := range []struct {
		name string
		text msg
	}{{"", msg("filter.any")}, {"block", msg("action.block")}, {"unblock", msg("action.unblock")}, {"amend", msg("action.amended")}} {
		f.Actions = append(f.Actions, choice{Text: v.Say(a.text), Address: f.with(v, "action", a.name), Current: f.Action == a.name})
	}
}

// offerEnds is for lists of who is blocked.
func (f *filter) offerEnds(v *visit) {
	f.Ending = append(f.Ending, choice{Text: v.Say(msg("filter.any")), Address: f.with(v, "ends", ""), Current: f.Ends == ""})
	for _, days := range []int{1, 7, 30} {
		text := strconv.Itoa(days)
		f.Ending = append(f.Ending, choice{Text: v.Say(msg("ends.within"), days), Address: f.with(v, "ends", text), Current: f.Ends == text})
	}
}

// offerPeople offers the API, the operators, and each one's jobs under the name.
func (f *filter) offerPeople(v *visit) error {
	names, err := v.Desk.People(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	all, err := v.Desk.Jobs(v.Ctx(), v.Account.AppID, "", lists.MaxRows)
	if err != nil {
		return err
	}
	under := map[string][]choice{}
	for _, j := range all {
		if !slices.Contains(names, j.By) { // who has been removed since
			names = append(names, j.By)
		}
		if j.State != jobs.JobDraft && len(under[j.By]) < filterJobs {
			actor := "job:" + j.ID
			text := v.Say(msg("filter.job"), i18n.StampOf(j.Created, v.Zone).Minute)
			under[j.By] = append(under[j.By], choice{text, f.with(v, "actor", actor), j.Progress.Done, f.Actor == actor})
		}
	}
	if name, ok := strings.CutPrefix(f.Actor, "console:"); ok && !slices.Contains(names, name) {
		names = append(names, name)
	}
	if err := f.offerPrograms(v); err != nil {
		return err
	}
	for _, name := range names {
		actor := "console:" + name
		f.People = append(f.People, maker{choice{Text: name, Address: f.with(v, "actor", actor), Current: f.Actor == actor}, under[name]})
	}
	return nil
}

// offerPrograms offers the ends that have come, and the API, by the account's own secret and by each program.
func (f *filter) offerPrograms(v *visit) error {
	names, err := v.Desk.ProgramNames(v.Ctx(), v.Account.AppID)
	if name, ok := strings.CutPrefix(f.Actor, mpblock.ActorProgram); ok && !slices.Contains(names, name) { // which was revoked since
		names = append(names, name)
	}
	all := []string{mpblock.ActorAPI, mpblock.ActorExpiry}
	for _, name := range names {
		all = append(all, mpblock.ActorProgram+name)
	}
	for _, actor := range all {
		f.People = append(f.People, maker{choice: choice{Text: actors.Of(v.Visit, actor).Name, Address: f.with(v, "actor", actor), Current: f.Actor == actor}})
	}
	return err
}

// times returns the instants that the days of a filter stand for: until is that at
// which the last day ends.
func (f filter) times(v *visit) (since, until time.Time, err error) {
	if f.From+f.To == "" && f.Days != "" {
		days, err := strconv.Atoi(f.Days)
		if err != nil || days < 1 || days > 10_000 {
			return since, until, web.ErrMissing
		}
		y, m, d := v.c.Desks.Now().In(v.Zone).Date()
		return time.Date(y, m, d-days+1, 0, 0, 0, 0, v.Zone), until, nil
	}
	if f.Day != "" {
		since, err = time.ParseInLocation(time.DateOnly, f.Day, mpblock.Zone)
		if err != nil {
			return since, until, web.Invalid(v.Say(msg("filter.day"), f.Day))
		}
		return since, since.AddDate(0, 0, 1), nil
	}
	for _, day := range []struct {
		text string
		to   *time.Time
		more int
	}{{f.From, &since, 0}, {f.To, &until, 1}} {
		if day.text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, day.text, v.Zone)
		if err != nil {
			return since, until, web.Invalid(v.Say(msg("filter.day"), day.text))
		}
		*day.to = t.AddDate(0, 0, day.more)
	}
	return since, until, nil
}

// stop is where a search has stopped for the sake of its time.
type stop struct {
	Time *i18n.Stamp // how far back it has come,
	ID   string      // or down to which OpenID
	Next string      // address where it goes on
}

// stopAt returns how far a search has come, nil if to its end; the pager leads on no
// more, since the stop does.
func (v *visit) stopAt(t time.Time, id mpblock.OpenID, pager *web.Pager) *stop {
	s := stop{Next: pager.Next}
	switch {
	case !t.IsZero():
		stamp := i18n.StampOf(t, v.Zone)
		s.Time = &stamp
	case id != mpblock.OpenID{}:
		s.ID = id.String()
	default:
		return nil
	}
	pager.Next = ""
	return &s
}
