package console

import (
	"net/http"

	"mpblock"
	"mpblock/internal/console/ask"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// confirmPage asks whether users are really to be blocked or unblocked. It is a
// dialog, and a page of its own where there is no script.
type confirmPage struct {
	web.Frame
	Block   bool
	Amend   bool
	Form    ask.Form
	Heading string // with Problem
	Problem string // why it cannot be done; then nothing is asked
	Again   bool   // it was not done with what was entered
	Refused string // why; "" where Out says it
	Count   int
	OpenIDs []string
	Sample  []named
	More    int     // that are not in Sample
	Out     ask.Out // who cannot be blocked
	Back    string
}

// sampleRows is how many OpenIDs a dialog or a preview lists.
const sampleRows = 50

// confirm says what is about to be done, and asks for a reason.
func (c *console) confirm(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	return v.ask(http.StatusOK, &confirmPage{Block: v.Field("action") == "block", Amend: v.Field("action") == "amend", Back: v.back()})
}

// ask shows the form about those that were chosen.
func (v *visit) ask(status int, p *confirmPage) error {
	if !v.Desk.May(operators.RoleOperator) {
		return web.ErrForbidden
	}
	if err := v.Account.MayChange(); err != nil {
		return err
	}
	p.Heading, p.OpenIDs = v.Say(msg("error.invalid.title")), ask.Chosen(v.Visit)
	if p.Block {
		var err error
		if p.OpenIDs, p.Out, err = ask.LeaveOut(v.Visit, p.OpenIDs, sampleRows); err != nil {
			return err
		}
		if p.Out.Says(p.Refused) {
			p.Refused = ""
		}
	}
	p.Count = len(p.OpenIDs)
	switch {
	case p.Count > ask.Most(v.Visit):
		p.Problem = v.Say(msg("pick.many"), ask.Most(v.Visit))
	case p.Count > 0:
		if err := v.fill(p); err != nil {
			return err
		}
	case p.Out.Count == 0:
		p.Problem = v.Say(msg("pick.none"))
	}
	if v.HTMX() {
		return v.Part(status, "confirm", "confirm", p)
	}
	title := v.Say(msg("action.unblock"))
	switch {
	case p.Block && p.Count == 0 && p.Out.Count > 0:
		title = v.Say(msg("kept.all"), p.Out.Count)
	case p.Block:
		title = v.Say(msg("action.block"))
	case p.Amend:
		title = v.Say(msg("amend.title"), p.Count)
	}
	return v.Page(status, "confirm", title, p)
}

// fill says who was chosen, and how things stand.
func (v *visit) fill(p *confirmPage) (err error) {
	if p.Sample, err = v.namedTexts(p.OpenIDs[:min(p.Count, sampleRows)]); err != nil {
		return err
	}
	p.More = p.Count - len(p.Sample)
	was := mpblock.Change{}
	if p.Amend && p.Count == 1 {
		if was, err = v.Desk.EntryOf(v.Ctx(), v.Account.AppID, p.OpenIDs[0]); err != nil && !p.Again {
			return err
		}
	}
	p.Form, err = ask.Of(v.Visit, was.Reason, v.until(was.Until))
	if p.Again {
		p.Form.Again(v.Visit)
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
	ids, reason, done, list := ask.Chosen(v.Visit), v.Field("reason"), msg("block.done"), "followers"
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
	if refused, ok := v.Refusal(err); ok && ask.Helps(err) {
		p := &confirmPage{Block: action == mpblock.Block, Amend: action == mpblock.Amend, Again: true, Refused: refused, Back: back}
		return v.ask(http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	n := web.Notice{Kind: "good", Text: v.Say(done, out.Done), Done: string(v.Account.AppID) + ":" + list}
	if out.Seq == 0 {
		if n.Kind, n.Text = "mind", v.Say(msg("change.same")); action == mpblock.Amend {
			n.Text = v.Say(msg("amend.none"))
		}
	} else {
		n.Post = &web.NavLink{Address: v.undoAddress(out.Seq), Text: v.Say(msg("change.undo"))}
	}
	v.TellWith(n)
	return v.See(back)
}
