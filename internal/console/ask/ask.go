// Package ask is what a form asks before users are blocked, unblocked or amended: whom it is
// about, why, and until when, with what was entered before where it has to be asked again.
package ask

import (
	"errors"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/lists"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// suggestions is how many earlier reasons a form offers beside the field.
const suggestions = 8

// Form is what is asked.
type Form struct {
	desk.Reasons
	Reason string
	Ends   until.Form
}

// Of returns the form for the page's account, with the reason and the end that stand there
// already.
func Of(v *web.Visit, reason string, ends *until.View) (Form, error) {
	reasons, err := v.Desk.Reasons(v.Ctx(), v.Account.AppID, suggestions)
	return Form{reasons, reason, until.FormOf(ends)}, err
}

// Again has the form ask once more, with what was entered into it.
func (f *Form) Again(v *web.Visit) {
	f.Reason, f.Ends.Days, f.Ends.On = v.Field("reason"), v.Field("ends"), v.Field("ends_on")
}

// Chosen returns whom a form is about, each once.
func Chosen(v *web.Visit) []string {
	var all []string
	seen := map[string]bool{}
	for _, text := range v.R.PostForm["openid"] {
		if text = strings.TrimSpace(text); text != "" && !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	return all
}

// Out are those who were chosen and cannot be blocked: who is protected, or follows no more.
type Out struct {
	Count int
	First []Person
	More  int // that are not among the first
	all   map[string]bool
}

// Person is one of them, as the pages call people, and why that is; who is protected, by whom.
type Person struct {
	OpenID, Remark, Name string
	Protected            bool
	By, Why              string
}

// Says tells whether a refusal is of one of them.
func (o Out) Says(refusal string) bool {
	for id := range o.all {
		if strings.Contains(refusal, id) {
			return true
		}
	}
	return false
}

// LeaveOut returns those of the chosen who may be blocked, and the others, up to so many of
// them by name.
func LeaveOut(v *web.Visit, chosen []string, most int) (rest []string, out Out, err error) {
	var ids []mpblock.OpenID
	for _, text := range chosen {
		if id, err := mpblock.ParseOpenID(text); err == nil {
			ids = append(ids, id)
		}
	}
	among, err := v.Desk.ProtectedAmong(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return nil, Out{}, err
	}
	states, err := v.Desk.States(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return nil, Out{}, err
	}
	out.all = map[string]bool{}
	var first []mpblock.OpenID
	for i, s := range states {
		_, protected := among[ids[i]]
		if protected || v.Account.Upstream == "" && !v.Account.AnyFollower && v.Account.Owns(ids[i]) && !s.Follower && !s.Blocked {
			if out.all[ids[i].String()] = true; len(first) < most {
				first = append(first, ids[i])
			}
		}
	}
	names, err := v.Desk.Remarks(v.Ctx(), v.Account.AppID, first)
	for _, id := range first {
		p := Person{OpenID: id.String(), Remark: names[id].Remark, Name: names[id].Name, Why: v.Say(msg("kept.stranger"))}
		if who, is := among[id]; is {
			p.Protected, p.Why, p.By = true, who.Why, v.Lang.Who(who.By)
		}
		out.First = append(out.First, p)
	}
	out.Count, out.More = len(out.all), len(out.all)-len(first)
	rest = slices.DeleteFunc(slices.Clone(chosen), func(text string) bool { return out.all[text] })
	return rest, out, err
}

// Most returns how many the page's account lets a form be about.
func Most(v *web.Visit) int {
	if v.Account.Upstream != "" {
		return lists.MaxBatch // of which one call of the platform takes all or none
	}
	return lists.MaxByHand
}

// Helps tells whether what was refused can be done with the form filled in otherwise. Else
// nothing can be done with it, or it is not known here whether it has been done.
func Helps(err error) bool {
	kind := mpblock.KindOf(err)
	return errors.As(err, new(web.Invalid)) || kind == mpblock.Invalid || kind == mpblock.Conflict && !errors.Is(err, mpblock.ErrRetired)
}
