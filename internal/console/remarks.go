package console

import (
	"net/http"
	"strings"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
)

// named is an OpenID with what the person behind it is called.
type named struct {
	OpenID, Address string
	Name, Remark    string
	Edit            string // address of the form that changes them; "" for who may not
}

// named returns OpenIDs with what they are called, in their order.
func (v *visit) named(ids []mpblock.OpenID) ([]named, error) {
	found, err := v.Desk.Remarks(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return nil, err
	}
	all := make([]named, 0, len(ids))
	for _, id := range ids {
		n := named{OpenID: id.String(), Address: v.openidAddress(id), Name: found[id].Name, Remark: found[id].Remark}
		if v.MayChange() {
			n.Edit = n.Address + "/remark"
		}
		all = append(all, n)
	}
	return all, nil
}

// namedTexts is named for what should be OpenIDs; what is none has no name.
func (v *visit) namedTexts(texts []string) ([]named, error) {
	all := make([]named, len(texts))
	var ids []mpblock.OpenID
	var at []int
	for i, text := range texts {
		all[i].OpenID = text
		if id, err := mpblock.ParseOpenID(text); err == nil {
			ids, at = append(ids, id), append(at, i)
		}
	}
	found, err := v.named(ids)
	for i, n := range found {
		all[at[i]] = n
	}
	return all, err
}

// tellWho says in the rows of changes what the first of their OpenIDs are called.
func (v *visit) tellWho(rows []changeRow, of []lists.ChangeRow) error {
	var ids []mpblock.OpenID
	for _, r := range of {
		ids = append(ids, r.Sample...)
	}
	people, err := v.named(ids)
	if err != nil {
		return err
	}
	for i, r := range of {
		var who []string
		for _, n := range people[:len(r.Sample)] {
			if called := strings.TrimSpace(n.Remark + " " + n.Name); called != "" {
				who = append(who, called)
			}
		}
		people = people[len(r.Sample):]
		rows[i].Who = strings.Join(who, " · ")
	}
	return nil
}

// remarkPage is the form for the name and the remark of an OpenID: a dialog, and a page
// of its own where there is no script.
type remarkPage struct {
	web.Frame
	named
	Problem   string
	MaxRemark int
	Back      string
}

func (c *console) remarkForm(v *visit) error {
	if !v.Desk.May(operators.RoleOperator) {
		return web.ErrForbidden
	}
	id, err := mpblock.ParseOpenID(v.R.PathValue("id"))
	if err != nil {
		return web.ErrMissing
	}
	n, err := v.named([]mpblock.OpenID{id})
	if err != nil {
		return err
	}
	return v.remarkPage(http.StatusOK, &remarkPage{named: n[0], Back: v.back()})
}

func (v *visit) remarkPage(status int, p *remarkPage) error {
	p.MaxRemark = remarks.MaxRemark
	if v.HTMX() {
		return v.Part(status, "remark", "edit-remark", p)
	}
	return v.Page(status, "remark", v.Say(msg("remark.title")), p)
}

// setRemark keeps what was entered. In a page with a script it takes its place there,
// and the dialog closes.
func (c *console) setRemark(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	openid := v.R.PathValue("id")
	if !v.R.PostForm.Has("remark") || !v.R.PostForm.Has("name") { // nothing is erased by a form that is not whole
		return web.Invalid(v.Say(msg("error.form")))
	}
	p := &remarkPage{named: named{
		OpenID: openid, Edit: v.R.URL.Path, Name: v.Field("name"), Remark: v.Field("remark"),
	}, Back: web.Local(v.Field("back"), v.Base()+"/openids/"+openid)}
	err := v.Desk.SetRemark(v.Ctx(), v.Account.AppID, openid, p.Name, p.Remark)
	if mpblock.KindOf(err) == mpblock.Invalid {
		text, _ := v.Refusal(err)
		p.Problem = text
		return v.remarkPage(http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	if v.HTMX() {
		v.W.Header().Set("HX-Retarget", `[data-remark="`+openid+`"]`)
		return v.Part(http.StatusOK, "remark", "called", p)
	}
	v.Tell("good", v.Say(msg("remark.saved")))
	return v.See(p.Back)
}
