package console

import (
	"net/http"
	"strconv"

	"mpblock"
	"mpblock/internal/console/actors"
	"mpblock/internal/console/ask"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// undoPage says what an undo would do, before it does.
type undoPage struct {
	web.Frame
	Note         string // as it was entered and refused
	Heading      string
	Of           changeRow // what is undone
	Action, Back string    // addresses
	Blocks       bool      // it blocks, for what it undoes has unblocked
	Amends       bool      // it gives reasons and ends back
	Would, Total int
	Looked, Left int
	Partly       bool // only the first Looked of Total were looked at
	Rest, Most   int  // those that were not, and how many may change at most
	Redoes       bool // it is an undo of an undo
	LeftRows     []leftRow
	MoreLeft     int
}

// leftRow is an OpenID that an undo leaves alone.
type leftRow struct {
	named
	By        *changeRow // what has changed it since
	Protected bool
}

func (v *visit) changeAddress(seq uint64) string {
	return v.Base() + "/history/" + strconv.FormatUint(seq, 10)
}

func (v *visit) undoAddress(seq uint64) string { return v.changeAddress(seq) + "/undo" }

// standing is how a change or a job stands, as the pages show it.
type standing struct {
	Undoes, UndoneBy, RedoneBy *ref
	Redoes                     bool   // to undo it, or what has undone it, is to redo
	ToUndo                     string // the address where that is done, "" if the operator may not
}

// Redo returns where what was undone is redone from a row of a table. What is a piece of
// a job is redone with the job.
func (s standing) Redo(whole bool) string {
	if s.UndoneBy == nil || !s.Redoes || !whole {
		return ""
	}
	return s.ToUndo
}

// ref is a link to a change or a job.
type ref struct {
	Name, Address string
	Job           bool
}

func (v *visit) standing(r lists.ChangeRow) standing {
	to := func(seq uint64) *ref {
		if seq == 0 {
			return nil
		}
		return &ref{Name: "#" + strconv.FormatUint(seq, 10), Address: v.changeAddress(seq)}
	}
	s := standing{Undoes: to(r.Undoes), UndoneBy: to(r.UndoneBy), RedoneBy: to(r.RedoneBy), Redoes: r.Redoes}
	if v.MayChange() {
		s.ToUndo = v.undoAddress(r.Last(r.Seq))
	}
	return s
}

func (v *visit) undoPage(w lists.UndoPreview, of changeRow, heading, back string) error {
	left, err := v.leftRows(w.LeftRows)
	if err != nil {
		return err
	}
	p := &undoPage{
		Redoes: of.Redoes, Rest: w.Total - w.Looked, Most: w.Total - w.Left,
		Heading: heading, Of: of, Action: v.R.URL.Path, Back: back, Blocks: w.Action == mpblock.Block, Amends: w.Action == mpblock.Amend,
		Would: w.Would, Total: w.Total, Looked: w.Looked, Left: w.Left, Partly: w.Looked < w.Total,
		LeftRows: left, MoreLeft: max(0, w.Left-len(w.LeftRows)),
	}
	status := http.StatusOK
	if v.R.Method == http.MethodPost { // what was refused is asked once more
		status, p.Note = http.StatusUnprocessableEntity, v.Field("note")
	}
	return v.Page(status, "undo", heading, p)
}

// again asks once more for an undo that was refused, where the page is not still there.
func (v *visit) again(err error, form func(*visit) error) error {
	if v.HTMX() || !ask.Helps(err) {
		return err
	}
	return v.Again(err, func(int) error { return form(v) })
}

func (v *visit) leftRows(rows []lists.LeftAlone) ([]leftRow, error) {
	ids := make([]mpblock.OpenID, 0, len(rows))
	for _, r := range rows {
		ids = append(ids, r.OpenID)
	}
	people, err := v.named(ids)
	if err != nil {
		return nil, err
	}
	protected, err := v.Desk.ProtectedAmong(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return nil, err
	}
	all := make([]leftRow, 0, len(rows))
	for i, r := range rows {
		row := leftRow{named: people[i]}
		_, row.Protected = protected[r.OpenID]
		if r.By.Seq != 0 && (!row.Protected || !r.Ended) {
			by := v.changeRow(r.By)
			row.By = &by
		}
		all = append(all, row)
	}
	return all, nil
}

func (c *console) undoForm(v *visit) error {
	seq := number(v.R.PathValue("seq"))
	w, err := v.Desk.PreviewUndo(v.Ctx(), v.Account.AppID, seq)
	if err != nil {
		return err
	}
	change, err := v.Desk.Change(v.Ctx(), v.Account.AppID, seq)
	if err != nil {
		return err
	}
	row, err := v.Desk.Row(v.Ctx(), v.Account.AppID, change)
	if err != nil {
		return err
	}
	of := v.changeRow(row)
	heading := v.Say(msg("undo.change"), of.Seq)
	if of.Redoes = of.Redoes && of.UndoneBy == nil; of.Redoes { // else something else is to be undone for that
		heading = v.Say(msg("redo.change"), of.Seq)
	}
	return v.undoPage(w, of, heading, of.Address)
}

func (c *console) undo(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	out, err := v.Desk.Undo(v.Ctx(), v.Account.AppID, number(v.R.PathValue("seq")), v.Field("note"))
	if err != nil {
		return v.again(err, c.undoForm)
	}
	if out.Seq == 0 {
		v.Tell("mind", v.Say(msg("undo.nothing")))
		return v.See(web.Local(v.Field("back"), v.Base()+"/history"))
	}
	if err := v.tellUndone(out); err != nil {
		return err
	}
	return v.See(web.Local(v.Field("back"), v.changeAddress(out.Seq)))
}

// tellUndone says what an undo has done, with a button that takes that back.
func (v *visit) tellUndone(out lists.UndoOutcome) error {
	row, err := v.Desk.Row(v.Ctx(), v.Account.AppID, out.Made)
	if err != nil {
		return err
	}
	all, some, back := msg("redo.done.all"), msg("redo.done"), msg("change.undo")
	if row.Redoes {
		all, some, back = msg("undo.done.all"), msg("undo.done"), msg("redo.do")
	}
	n := web.Notice{Kind: "good", Text: v.Say(all)}
	if out.Left > 0 {
		n.Text = v.Say(some, out.Done)
		defer v.Tell("mind", v.Say(msg("undo.left"), out.Left))
	}
	if button := (&web.NavLink{Address: v.undoAddress(out.Seq), Text: v.Say(back)}); out.Done <= lists.MaxByHand {
		n.Post = button
	} else {
		n.Link = button
	}
	v.TellWith(n)
	return nil
}

func (c *console) undoJobForm(v *visit) error {
	id := v.R.PathValue("id")
	w, err := v.Desk.PreviewUndoJob(v.Ctx(), v.Account.AppID, id)
	if err != nil {
		return err
	}
	j, err := v.findJob()
	if err != nil {
		return err
	}
	of := changeRow{Time: i18n.StampOf(j.Created, v.Zone), Block: j.Action == mpblock.Block, Count: j.Progress.Done, Actor: actors.Actor{Name: j.By}, Reason: j.Reason}
	of.Undoes = v.jobRef(j.UndoOf)
	heading := v.Say(msg("undo.job"), id)
	if of.Redoes = j.Redoes && j.UndoneBy == ""; of.Redoes {
		heading = v.Say(msg("redo.job"), id)
	}
	return v.undoPage(w, of, heading, v.Base()+"/jobs/"+id)
}

func (c *console) undoJob(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	j, err := v.Desk.UndoJob(v.Ctx(), v.Account.AppID, v.R.PathValue("id"), v.Field("note"))
	if err != nil {
		return v.again(err, c.undoJobForm)
	}
	return v.See(v.Base() + "/jobs/" + j.ID)
}

// number reads a cursor that is a number; 0 for what is none.
func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
