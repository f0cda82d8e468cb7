package platform

import (
	"strconv"
	"strings"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/jobs"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/doctor"
	"mpblock/internal/upstream/stage"
)

// Stages says how far the changes of an account are on their way to the platform. Of an
// account whose list lies here it is nil, and has nothing to say.
type Stages struct {
	v *web.Visit
	p desk.Platform
}

// StagesOf reads how things stand with the account of a page.
func StagesOf(v *web.Visit) (*Stages, error) {
	if v.Account.Upstream == "" {
		return nil, nil
	}
	p, err := v.Desk.Platform(v.Ctx(), v.Account.AppID)
	return &Stages{v, p}, err
}

// Stage is how far a change is, as the pages show it.
type Stage struct {
	Name        stage.Name
	Label, Mood string
	Text        string
	OpenIDs     int    // of which nothing is known
	Decide      string // address where a person decides; "": nobody needs to
}

// Job returns how far a job is that has begun and not ended; nil where there is nothing to
// say but that it runs.
func (s *Stages) Job(j jobs.Job) *Stage {
	if s == nil || !j.Active() {
		return nil
	}
	return s.words(stage.Of(s.p.State, "job:"+j.ID, j.Action, (*stage.Delay)(j.Delay), s.p.Now))
}

// Left is a change that was left on its way: nothing is known of it.
type Left struct {
	Block bool
	Count int
	Since i18n.Stamp
	Actor string
	Stage *Stage
}

// Left returns that change, nil if there is none.
func (s *Stages) Left() *Left {
	if s == nil || s.p.Unsettled == nil || s.p.Unsettled.Lost.IsZero() {
		return nil
	}
	u := visit{s.v}.unsettled(s.p.Unsettled)
	return &Left{u.Block, u.Count, u.Since, s.p.Unsettled.Actor, s.words(stage.Left(s.p.Unsettled))}
}

// Sent returns how far a change is that is about one OpenID, nil where nothing is in its way.
func (s *Stages) Sent(u *upstream.Unsettled) *Stage { return s.words(stage.Left(u)) }

// Acknowledged is what is said of a change in the log that the platform has; "" where the
// list lies here.
func (s *Stages) Acknowledged() string {
	if s == nil {
		return ""
	}
	return s.v.Say(msg("stage.done"))
}

// words says how far a change is.
func (s *Stages) words(g stage.Stage) *Stage {
	l := s.v.Lang
	view := &Stage{Name: g.Name, OpenIDs: g.OpenIDs}
	minute := func() string {
		if g.Until.IsZero() {
			return i18n.StampOf(g.Since, s.v.Zone).Minute
		}
		return i18n.StampOf(g.Until, s.v.Zone).Minute
	}
	switch g.Name {
	case stage.Waiting:
		view.Label, view.Mood = l.Say(msg("stage.waiting")), "mind"
		switch g.Why {
		case stage.WhyDay:
			view.Text = l.Say(msg("stage.day"), minute())
		case stage.WhyMinute:
			view.Text = l.Say(msg("stage.minute"), minute())
		case stage.WhyBefore:
			view.Text = l.Say(msg("stage.before"))
		case stage.WhyFailing, stage.WhyDoubt:
			view.Text = l.Say(msg("stage.failing"), minute(), strings.TrimRight(s.trouble(g), ".。"))
		}
	case stage.Refused:
		view.Label, view.Mood = l.Say(msg("stage.refused")), "black"
		view.Text = l.Say(msg("stage.barred"), strconv.Itoa(g.Code), strings.TrimRight(s.trouble(g), ".。"))
	case stage.Unknown:
		view.Label, view.Mood = l.Say(msg("stage.unknown")), "mind"
		view.Text = l.Say(msg("stage.lost"), g.OpenIDs, minute())
		if g.Why == stage.WhyDoubt {
			view.Text, view.Decide = l.Say(msg("stage.doubt"), g.OpenIDs, minute()), s.v.Base()+"/platform"
		}
	case stage.Done:
	default:
		return nil
	}
	return view
}

// trouble says what was in the way, with what is known of the platform's code.
func (s *Stages) trouble(g stage.Stage) string {
	if g.Code != 0 {
		return words(s.v.Lang, doctor.OfCode(g.Code, last(g.Args)))
	}
	if g.Key == "upstream.down" && s.p.Problem != "" {
		return trouble(s.v.Lang, s.p)
	}
	if text := words(s.v.Lang, doctor.Check{Key: g.Key, Args: g.Args}); text != "" {
		return text
	}
	return g.Text
}

func last(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[len(args)-1]
}

// Means says what a code of the platform means.
func Means(l i18n.Lang, code int) string {
	c := doctor.OfCode(code, "")
	if c.Key == "doctor.code" {
		return l.Say(msg("stage.code"))
	}
	return words(l, c)
}
