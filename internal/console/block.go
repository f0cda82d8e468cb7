package console

import (
	"net/http"

	"mpblock"
	"mpblock/internal/lists"
	"mpblock/internal/operators"
)

// confirmPage asks whether users are really to be blocked or unblocked. It is a
// dialog, and a page of its own where there is no script.
type confirmPage struct {
	frame
	Block   bool
	Heading string // with Problem
	Problem string // why it cannot be done; then nothing is asked
	Count   int
	OpenIDs []string
	Sample  []string
	More    int // that are not in Sample
	Reasons []string
	Back    string
}

// sampleRows is how many OpenIDs a dialog or a preview lists.
const sampleRows = 50

// confirm says what is about to be done, and asks for a reason.
func (c *console) confirm(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	if !v.desk.May(operators.RoleOperator) {
		return errForbidden
	}
	ids := v.r.PostForm["openid"]
	p := &confirmPage{Block: v.field("action") == "block", Count: len(ids), OpenIDs: ids, Back: v.back()}
	switch {
	case len(ids) == 0:
		p.Problem = v.say(msg("pick.none"))
	case len(ids) > lists.MaxByHand:
		p.Problem = v.say(msg("pick.many"), lists.MaxByHand)
	}
	p.Heading = v.say(msg("error.invalid.title"))
	p.Sample = ids[:min(len(ids), sampleRows)]
	p.More = len(ids) - len(p.Sample)
	var err error
	if p.Reasons, err = v.desk.Reasons(v.ctx(), v.account.AppID, suggestions); err != nil {
		return err
	}
	if v.htmx() {
		return v.part("confirm", "confirm", p)
	}
	return v.page(http.StatusOK, "confirm", v.say(msg("action.block")), p)
}

// back returns the page of ours from which the request came, else the followers.
func (v *visit) back() string {
	from := v.r.Header.Get("HX-Current-URL")
	if from == "" {
		from = v.r.Referer()
	}
	return pathOf(from, v.base()+"/followers")
}

func (c *console) block(v *visit) error   { return v.apply(mpblock.Block) }
func (c *console) unblock(v *visit) error { return v.apply(mpblock.Unblock) }

// apply blocks or unblocks those that were ticked.
func (v *visit) apply(action mpblock.Action) error {
	if err := v.form(); err != nil {
		return err
	}
	do, done, list := v.desk.Block, msg("block.done"), "followers"
	if action == mpblock.Unblock {
		do, done, list = v.desk.Unblock, msg("unblock.done"), "blacklist"
	}
	out, err := do(v.ctx(), v.account.AppID, v.r.PostForm["openid"], v.field("reason"))
	if err != nil {
		return err
	}
	n := notice{Kind: "good", Text: v.say(done, out.Done), Done: string(v.account.AppID) + ":" + list}
	if out.Seq == 0 {
		n.Kind, n.Text = "mind", v.say(msg("change.same"))
	} else {
		n.Link = &navLink{Address: v.undoAddress(out.Seq), Text: v.say(msg("change.undo"))}
	}
	v.tellWith(n)
	return v.see(local(v.field("back"), v.base()+"/"+list))
}
