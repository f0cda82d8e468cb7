package console

import (
	"net/http"

	"mpblock"
	"mpblock/internal/console/until"
	"mpblock/internal/console/web"
	"mpblock/internal/desk"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// confirmPage asks whether users are really to be blocked or unblocked. It is a
// dialog, and a page of its own where there is no script.
type confirmPage struct {
	web.Frame
	Block   bool
	Amend   bool
	Reason  string      // of the entry that is amended
	Ends    *until.View // likewise
	Heading string      // with Problem
	Problem string      // why it cannot be done; then nothing is asked
	Count   int
	OpenIDs []string
	Sample  []named
	More    int // that are not in Sample
	Reasons desk.Reasons
	Back    string
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
	ids := v.R.PostForm["openid"]
	p := &confirmPage{Block: v.Field("action") == "block", Amend: v.Field("action") == "amend", Count: len(ids), OpenIDs: ids, Back: v.back()}
	switch {
	case len(ids) == 0:
		p.Problem = v.Say(msg("pick.none"))
	case len(ids) > lists.MaxByHand:
		p.Problem = v.Say(msg("pick.many"), lists.MaxByHand)
	}
	p.Heading = v.Say(msg("error.invalid.title"))
	var err error
	if p.Sample, err = v.namedTexts(ids[:min(len(ids), sampleRows)]); err != nil {
		return err
	}
	p.More = len(ids) - len(p.Sample)
	if p.Reasons, err = v.Desk.Reasons(v.Ctx(), v.Account.AppID, suggestions); err != nil {
		return err
	}
	if p.Amend && len(ids) == 1 {
		of, err := v.Desk.EntryOf(v.Ctx(), v.Account.AppID, ids[0])
		if err != nil {
			return err
		}
		p.Reason, p.Ends = of.Reason, v.until(of.Until)
	}
	if v.HTMX() {
		return v.Part("confirm", "confirm", p)
	}
	title := msg("action.unblock")
	switch {
	case p.Block:
		title = msg("action.block")
	case p.Amend:
		title = msg("amend.title")
	}
	return v.Page(http.StatusOK, "confirm", v.Say(title, p.Count), p)
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
	end, err := v.ends()
	if err != nil {
		return err
	}
	var out lists.Outcome
	ids, reason, done, list := v.R.PostForm["openid"], v.Field("reason"), msg("block.done"), "followers"
	switch action {
	case mpblock.Block:
		out, err = v.Desk.Block(v.Ctx(), v.Account.AppID, ids, reason, end)
	case mpblock.Unblock:
		done, list = msg("unblock.done"), "blacklist"
		out, err = v.Desk.Unblock(v.Ctx(), v.Account.AppID, ids, reason)
	case mpblock.Amend:
		done, list = msg("amend.done"), "blacklist"
		out, err = v.Desk.Amend(v.Ctx(), v.Account.AppID, ids, reason, end)
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
	return v.See(web.Local(v.Field("back"), v.Base()+"/"+list))
}
