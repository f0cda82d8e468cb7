// Package ask is what a form asks before users are blocked, unblocked or amended: whom it is
// about, why, and until when, with what was entered before where it has to be asked again.
package ask

import (
	"errors"
	"slices"
	"strings"

	"mpblock"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/lists"
)

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
		if text = strings.TrimSpace(text); !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	return all
}

// Without returns what was chosen but for some OpenIDs.
func Without(chosen []string, ids []mpblock.OpenID) []string {
	return slices.DeleteFunc(slices.Clone(chosen), func(text string) bool {
		return slices.ContainsFunc(ids, func(id mpblock.OpenID) bool { return id.String() == text })
	})
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
