package platform

import (
	"net/http"
	"strconv"
	"time"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/lists"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/doubt"
)

// page is an account on the platform as it stands.
type page struct {
	web.Frame
	Secret          string // for programs, shown this once
	BaseURL, Tokens string
	State, Mood     string
	Read            *reading
	Tried           *i18n.Stamp // after that, in vain; nil: not
	Problem         string
	Walks           []walk
	Budget          []spent
	Held            *held
	Unsettled       *unsettled
	Drift           []drift
	AllDrift        string // address of all changes made on the platform
	Followers       *followers
	Report          *report
}

// reading is one that was taken over.
type reading struct {
	At       i18n.Stamp
	What     string
	Unlisted int
}

// held is a reading that a person is to decide on.
type held struct {
	At             i18n.Stamp
	Why            string
	Moved          bool // the list lies elsewhere since
	Total, Removed int
}

// walk is a reading of the list, in vain or not.
type walk struct {
	At                    i18n.Stamp
	State, Mood           string
	Problem               string
	Total, Added, Removed int
	Counted               bool
	Others                bool // what it counts they have done there
}

// walks are the last readings.
func (v visit) walks(s desk.Platform) []walk {
	var all []walk
	for _, w := range s.Walks {
		one := walk{At: v.stamp(w.At), State: v.Say(msg("walk.taken")), Mood: "good", Total: w.Total, Added: w.Added, Removed: w.Removed, Counted: w.Problem == "", Others: w.Problem == "" && !w.First && !w.Held}
		switch {
		case w.First:
			one.State = v.Say(msg("walk.first"))
		case w.Problem != "":
			one.State, one.Mood, one.Problem = v.Say(msg("walk.failed")), "black", w.Problem
			if w.Trouble != nil {
				one.Problem = words(v.Lang, *w.Trouble)
			}
		case w.Held:
			one.State, one.Mood = v.Say(msg("walk.held")), "mind"
		}
		all = append(all, one)
	}
	return all
}

// spent is how much of the budget of a call was used.
type spent struct {
	Call        string
	Day, Minute int
	Most        budget.Limits
	Told        bool // the platform has named one of those
	Over        bool // the platform has said that there are no more today
}

func (v visit) spent(s desk.Platform) []spent {
	var all []spent
	for c, name := range []string{"batchblacklist", "batchunblacklist", "getblacklist"} {
		most := s.Limits.Or(s.Told, budget.Call(c))
		all = append(all, spent{name, s.Used.OfDay[c], s.Used.OfMinute[c], most, most != s.Limits, s.Used.DayOver[c]})
	}
	return all
}

// unsettled is a change on its way to the platform.
type unsettled struct {
	Since i18n.Stamp
	Block bool
	Count int
	Again *i18n.Stamp // when the list is read again to find out; nil: that has not failed
}

func (v visit) unsettled(u *upstream.Unsettled) *unsettled {
	if u == nil {
		return nil
	}
	shown := &unsettled{Since: v.stamp(u.Since), Block: u.Action == mpblock.Block, Count: u.OpenIDs}
	if !u.Again.IsZero() {
		at := v.stamp(u.Again)
		shown.Again = &at
	}
	return shown
}

// drift is a change that others have made on the platform.
type drift struct {
	Seq     uint64
	Address string
	Undo    string // address; "": it is undone, or the operator may not
	Undone  bool
	Time    i18n.Stamp
	Block   bool
	Count   int
}

// followers is how their mirror stands.
type followers struct {
	Read    *reading
	Problem string
	Held    *held
}

// shownDrift is how many changes made on the platform the page shows.
const shownDrift = 10

func (v visit) show() error {
	s, err := v.Desk.Platform(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	p := &page{Secret: v.newSecret(), BaseURL: s.BaseURL, Tokens: v.source(s.Tokens), Problem: trouble(v.Lang, s), Walks: v.walks(s), Budget: v.spent(s), Unsettled: v.unsettled(s.Unsettled)}
	p.State, p.Mood, _ = stateOf(v.Visit, s)
	if !s.Synced.IsZero() {
		p.Read = &reading{v.stamp(s.Synced), v.taken(s.Upstream), s.Unlisted}
	}
	if s.Tried.After(s.Synced) {
		at := v.stamp(s.Tried)
		p.Tried = &at
	}
	p.Held = v.held(s.Held)
	p.Followers = v.mirrored(s)
	if err := v.drifted(p, s.First); err != nil {
		return err
	}
	r, err := v.Desk.Examined(v.Ctx(), v.Account.AppID)
	if err != nil {
		return err
	}
	if !r.At.IsZero() {
		p.Report = reportOf(v.Visit, r)
	}
	return v.Page(http.StatusOK, "platform", v.Say(msg("nav.platform")), p)
}

// taken says what the last reading that was taken over has found.
func (v visit) taken(u upstream.Upstream) string {
	if u.FirstReading() {
		return v.Say(msg("platform.read.first"), u.Total, u.Added, u.Removed)
	}
	return v.Say(msg("platform.read.what"), u.Total, u.Added, u.Removed)
}

func (v visit) stamp(t time.Time) i18n.Stamp { return i18n.StampOf(t, v.Zone) }

func (v visit) held(h *upstream.Held) *held {
	if h == nil {
		return nil
	}
	return &held{v.stamp(h.At), heldWords(v.Lang, *h) + v.Say(msg("held.nobody")), h.Cause == doubt.Moved, h.Total, h.Removed}
}

func (v visit) mirrored(s desk.Platform) *followers {
	if !s.MirrorFollowers {
		return nil
	}
	f := &followers{Problem: s.Followers.Problem, Held: v.held(s.Followers.Held)}
	if !s.Followers.Synced.IsZero() {
		f.Read = &reading{At: v.stamp(s.Followers.Synced), What: v.Say(msg("platform.followers.what"), s.Followers.Total, s.Followers.Joined, s.Followers.Left)}
	}
	return f
}

// drifted fills in what others have changed on the platform.
func (v visit) drifted(p *page, first time.Time) error {
	changes, err := v.Desk.Elsewhere(v.Ctx(), v.Account.AppID, shownDrift)
	if err != nil {
		return err
	}
	for _, c := range changes.Rows {
		if !c.Time.After(first) { // of the first reading: nobody had just changed that
			break
		}
		p.Drift = append(p.Drift, v.drift(c))
	}
	p.AllDrift = v.Base() + "/history?actor=" + upstream.Platform
	return nil
}

func (v visit) drift(c lists.ChangeRow) drift {
	d := drift{
		Seq: c.Seq, Address: v.Base() + "/history/" + strconv.FormatUint(c.Seq, 10),
		Time: v.stamp(c.Time), Block: c.Action == mpblock.Block, Count: c.Count, Undone: c.UndoneBy != 0,
	}
	if !d.Undone && v.MayChange() {
		d.Undo = d.Address + "/undo"
	}
	return d
}

// sync reads the list now; with the tick it takes over one that has shrunk.
func (v visit) sync() error {
	if v.Field("decide") != "" {
		return v.decide()
	}
	u, err := v.Desk.Sync(v.Ctx(), v.Account.AppID)
	return v.synced(u, err)
}

// decide is what an admin does about a list that has shrunk.
func (v visit) decide() error {
	if v.Field("sure") == "" {
		return v.done(web.Invalid(v.Say(msg("account.sure"))), "", "")
	}
	u, err := v.Desk.SyncSure(v.Ctx(), v.Account.AppID)
	return v.synced(u, err)
}

func (v visit) synced(u upstream.Upstream, err error) error {
	if err == nil && u.Held != nil {
		return v.done(nil, "mind", v.Say(msg("platform.held"), heldWords(v.Lang, *u.Held)))
	}
	if err == nil && u.FirstReading() {
		return v.done(nil, "good", v.Say(msg("platform.synced.first"), u.Total, u.Added, u.Removed))
	}
	return v.done(err, "good", v.Say(msg("platform.synced"), u.Total, u.Added, u.Removed))
}

// followers reads the followers now; with the tick it takes over few ones.
func (v visit) followers() error {
	sure := v.Field("decide") != ""
	if sure && v.Field("sure") == "" {
		return v.done(web.Invalid(v.Say(msg("account.sure"))), "", "")
	}
	f, err := v.Desk.SyncFollowers(v.Ctx(), v.Account.AppID, sure)
	if err == nil && f.Held != nil {
		return v.done(nil, "mind", v.Say(msg("platform.followers.held"), f.Held.Removed, f.Held.Total))
	}
	return v.done(err, "good", v.Say(msg("platform.followers.synced"), f.Total, f.Joined, f.Left))
}

func (v visit) examine() error {
	_, err := v.Desk.Examine(v.Ctx(), v.Account.AppID)
	return v.done(err, "good", v.Say(msg("platform.examined")))
}
