package console

import (
	"net/http"
	"time"

	"mpblock"
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
	Heading string // with Problem
	Problem string // why it cannot be done; then nothing is asked
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
	p := &confirmPage{Block: v.Field("action") == "block", Count: len(ids), OpenIDs: ids, Back: v.back()}
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
	if v.HTMX() {
		return v.Part("confirm", "confirm", p)
	}
	return v.Page(http.StatusOK, "confirm", v.Say(msg("action.block")), p)
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

// apply blocks or unblocks those that were ticked.
func (v *visit) apply(action mpblock.Action) error {
	if err := v.Form(); err != nil {
		return err
	}
	ids, reason := v.R.PostForm["openid"], v.Field("reason")
	do := func() (lists.Outcome, error) { return v.Desk.Block(v.Ctx(), v.Account.AppID, ids, reason, time.Time{}) }
	done, list := msg("block.done"), "followers"
	if action == mpblock.Unblock {
		do = func() (lists.Outcome, error) { return v.Desk.Unblock(v.Ctx(), v.Account.AppID, ids, reason) }
		done, list = msg("unblock.done"), "blacklist"
	}
	out, err := do()
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
