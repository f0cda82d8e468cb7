package console

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"mpblock"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/lists"
	"mpblock/internal/lists/protection"
	"mpblock/internal/operators"
)

// asked is what a form asks about a block or an unblock, with what was entered before.
type asked struct {
	desk.Reasons
	Reason string
	Ends   until.Form
}

// asks returns what a form asks, with the reason and the end that stand there already.
func (v *visit) asks(reason string, ends *until.View) (asked, error) {
	reasons, err := v.Desk.Reasons(v.Ctx(), v.Account.AppID, suggestions)
	return asked{reasons, reason, until.FormOf(ends)}, err
}

// entered has a form ask once more, with what was entered into it.
func (a *asked) entered(v *visit) {
	a.Reason, a.Ends.Days, a.Ends.On = v.Field("reason"), v.Field("ends"), v.Field("ends_on")
}

// confirmPage asks whether users are really to be blocked or unblocked. It is a
// dialog, and a page of its own where there is no script.
type confirmPage struct {
	web.Frame
	Block   bool
	Amend   bool
	Form    asked
	Heading string // with Problem
	Problem string // why it cannot be done; then nothing is asked
	Refused string // why it was not done with what was entered
	again   bool   // with that
	Count   int
	OpenIDs []string
	Sample  []named
	More    int         // that are not in Sample
	Kept    []protected // that were chosen, and nobody can block: they are left out
	Back    string
}

// protected is whom nobody can block, by whom and why.
type protected struct {
	named
	By, Why string
}

// sampleRows is how many OpenIDs a dialog or a preview lists.
const sampleRows = 50

// confirm says what is about to be done, and asks for a reason.
func (c *console) confirm(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if !v.Desk.May(operators.RoleOperator) {
		return web.ErrForbidden
	}
	p := &confirmPage{Block: v.Field("action") == "block", Amend: v.Field("action") == "amend", OpenIDs: v.R.PostForm["openid"], Back: v.back()}
	return v.ask(http.StatusOK, p)
}

// ask shows the form about those that were chosen.
func (v *visit) ask(status int, p *confirmPage) error {
	p.Heading = v.Say(msg("error.invalid.title"))
	switch {
	case len(p.OpenIDs) == 0:
		p.Problem = v.Say(msg("pick.none"))
	case len(p.OpenIDs) > lists.MaxByHand:
		p.Problem = v.Say(msg("pick.many"), lists.MaxByHand)
	default:
		if err := v.fill(p); err != nil {
			return err
		}
	}
	if v.HTMX() {
		return v.Part(status, "confirm", "confirm", p)
	}
	title := msg("action.unblock")
	switch {
	case p.Block:
		title = msg("action.block")
	case p.Amend:
		title = msg("amend.title")
	}
	return v.Page(status, "confirm", v.Say(title, p.Count), p)
}

// fill says who was chosen, without whom nobody can block, and how things stand.
func (v *visit) fill(p *confirmPage) error {
	if p.Block {
		if err := v.leaveOut(p); err != nil {
			return err
		}
	}
	var err error
	p.Count = len(p.OpenIDs)
	if p.Sample, err = v.namedTexts(p.OpenIDs[:min(p.Count, sampleRows)]); err != nil {
		return err
	}
	p.More = p.Count - len(p.Sample)
	was := mpblock.Change{}
	if p.Amend && p.Count == 1 {
		if was, err = v.Desk.EntryOf(v.Ctx(), v.Account.AppID, p.OpenIDs[0]); err != nil && !p.again {
			return err
		}
	}
	p.Form, err = v.asks(was.Reason, v.until(was.Until))
	if p.again {
		p.Form.entered(v)
	}
	return err
}

// leaveOut takes whom nobody can block out of those who were chosen.
func (v *visit) leaveOut(p *confirmPage) error {
	var ids []mpblock.OpenID
	for _, text := range p.OpenIDs {
		if id, err := mpblock.ParseOpenID(text); err == nil {
			ids = append(ids, id)
		}
	}
	among, err := v.Desk.ProtectedAmong(v.Ctx(), v.Account.AppID, ids)
	if err != nil || len(among) == 0 {
		return err
	}
	ids = slices.SortedFunc(maps.Keys(among), mpblock.OpenID.Compare)
	people, err := v.named(ids)
	for i, n := range people {
		p.Kept = append(p.Kept, protected{n, v.Lang.Who(among[ids[i]].By), among[ids[i]].Why})
		p.OpenIDs = slices.DeleteFunc(p.OpenIDs, func(text string) bool { return text == n.OpenID })
	}
	return err
}

// back returns the page of ours from which the request came, else the followers.
func (v *visit) back() string {
	from := v.R.Header.Get("HX-Current-URL")
	if from == "" {
		from = v.R.Referer()
	}
	return web.PathOf(from, v.Base()+"/followers")
}

func (c *console) block(v *visit) error   { return v.apply(mpblock.Block) }
func (c *console) unblock(v *visit) error { return v.apply(mpblock.Unblock) }
func (c *console) amend(v *visit) error   { return v.apply(mpblock.Amend) }

// apply blocks, unblocks or amends those that were ticked.
func (v *visit) apply(action mpblock.Action) error {
	if err := v.Form(); err != nil {
		return err
	}
	var out lists.Outcome
	ids, reason, done, list := v.R.PostForm["openid"], v.Field("reason"), msg("block.done"), "followers"
	end, err := v.ends()
	switch {
	case err != nil:
	case action == mpblock.Block:
		out, err = v.Desk.Block(v.Ctx(), v.Account.AppID, ids, reason, end)
	case action == mpblock.Unblock:
		done, list = msg("unblock.done"), "blacklist"
		out, err = v.Desk.Unblock(v.Ctx(), v.Account.AppID, ids, reason)
	default:
		done, list = msg("amend.done"), "blacklist"
		out, err = v.Desk.Amend(v.Ctx(), v.Account.AppID, ids, reason, end)
	}
	back := web.Local(v.Field("back"), v.Base()+"/"+list)
	if refused, ok := v.Refusal(err); ok {
		p := &confirmPage{Block: action == mpblock.Block, Amend: action == mpblock.Amend, OpenIDs: ids, Refused: refused, again: true, Back: back}
		if errors.Is(err, protection.ErrProtected) {
			p.Refused = "" // the form says whom it leaves out
		}
		return v.ask(http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	n := web.Notice{Kind: "good", Text: v.Say(done, out.Done), Done: string(v.Account.AppID) + ":" + list}
	if out.Seq == 0 {
		n.Kind, n.Text = "mind", v.Say(msg("change.same"))
	} else {
		n.Post = &web.NavLink{Address: v.undoAddress(out.Seq), Text: v.Say(msg("change.undo"))}
	}
	v.TellWith(n)
	return v.See(back)
}
