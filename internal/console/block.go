package console

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"mpblock"
	"mpblock/internal/console/ask"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
	"mpblock/internal/lists/protection"
	"mpblock/internal/operators"
)

// confirmPage asks whether users are really to be blocked or unblocked. It is a
// dialog, and a page of its own where there is no script.
type confirmPage struct {
	web.Frame
	Block    bool
	Amend    bool
	Form     ask.Form
	Heading  string // with Problem
	Problem  string // why it cannot be done; then nothing is asked
	Again    bool   // it was not done with what was entered
	Refused  string // why; "" where Kept says it
	guarded  bool   // why is that somebody is protected
	Count    int
	OpenIDs  []string
	Sample   []named
	More     int         // that are not in Sample
	Kept     []protected // that were chosen, and nobody can block: they are left out
	KeptAll  int
	MoreKept int // that are not in Kept
	Back     string
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
	return v.ask(http.StatusOK, &confirmPage{Block: v.Field("action") == "block", Amend: v.Field("action") == "amend", Back: v.back()})
}

// ask shows the form about those that were chosen.
func (v *visit) ask(status int, p *confirmPage) error {
	if !v.Desk.May(operators.RoleOperator) {
		return web.ErrForbidden
	}
	p.Heading, p.OpenIDs = v.Say(msg("error.invalid.title")), ask.Chosen(v.Visit)
	if p.Block {
		if err := v.leaveOut(p); err != nil {
			return err
		}
	}
	if p.guarded && p.KeptAll > 0 {
		p.Refused = ""
	}
	p.Count = len(p.OpenIDs)
	switch {
	case p.Count > ask.Most(v.Visit):
		p.Problem = v.Say(msg("pick.many"), ask.Most(v.Visit))
	case p.Count > 0:
		if err := v.fill(p); err != nil {
			return err
		}
	case p.KeptAll == 0:
		p.Problem = v.Say(msg("pick.none"))
	}
	if v.HTMX() {
		return v.Part(status, "confirm", "confirm", p)
	}
	title := v.Say(msg("action.unblock"))
	switch {
	case p.Block && p.Count == 0 && p.KeptAll > 0:
		title = v.Say(msg("kept.all"), p.KeptAll)
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
	p.OpenIDs, p.KeptAll = ask.Without(p.OpenIDs, ids), len(ids)
	people, err := v.named(ids[:min(len(ids), sampleRows)])
	for i, n := range people {
		p.Kept = append(p.Kept, protected{n, v.Lang.Who(among[ids[i]].By), among[ids[i]].Why})
	}
	p.MoreKept = p.KeptAll - len(p.Kept)
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
		p := &confirmPage{Block: action == mpblock.Block, Amend: action == mpblock.Amend, Again: true, Refused: refused, guarded: errors.Is(err, protection.ErrProtected), Back: back}
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
