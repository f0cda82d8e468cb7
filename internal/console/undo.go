package console

import (
	"net/http"
	"strconv"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/lists"
)

// undoPage says what an undo would do, before it does.
type undoPage struct {
	frame
	Heading      string
	Of           changeRow // what is undone
	Action, Back string    // addresses
	Blocks       bool      // it blocks, for what it undoes has unblocked
	Would, Total int
	Looked, Left int
	Partly       bool // only the first Looked of Total were looked at
	LeftRows     []leftRow
	MoreLeft     int
}

// leftRow is an OpenID that an undo leaves alone.
type leftRow struct {
	OpenID, Address string
	By              *changeRow // what has changed it since
}

func (v *visit) undoAddress(seq uint64) string {
	return v.base() + "/history/" + strconv.FormatUint(seq, 10) + "/undo"
}

func (v *visit) undoPage(w lists.UndoPreview, of changeRow, heading, back string) error {
	p := &undoPage{
		Heading: heading, Of: of, Action: v.r.URL.Path, Back: back, Blocks: w.Action == mpblock.Block,
		Would: w.Would, Total: w.Total, Looked: w.Looked, Left: w.Left, Partly: w.Looked < w.Total,
		LeftRows: v.leftRows(w.LeftRows), MoreLeft: max(0, w.Left-len(w.LeftRows)),
	}
	return v.page(http.StatusOK, "undo", heading, p)
}

func (v *visit) leftRows(rows []lists.LeftAlone) []leftRow {
	all := make([]leftRow, 0, len(rows))
	for _, r := range rows {
		row := leftRow{OpenID: r.OpenID.String(), Address: v.base() + "/openids/" + r.OpenID.String()}
		if r.By.Seq != 0 {
			by := v.changeRow(r.By)
			row.By = &by
		}
		all = append(all, row)
	}
	return all
}

func (c *console) undoForm(v *visit) error {
	seq := number(v.r.PathValue("seq"))
	w, err := v.desk.PreviewUndo(v.ctx(), v.account.AppID, seq)
	if err != nil {
		return err
	}
	change, err := v.desk.Change(v.ctx(), v.account.AppID, seq)
	if err != nil {
		return err
	}
	text := strconv.FormatUint(seq, 10)
	return v.undoPage(w, v.changeRow(rowOf(change)), v.say(msg("undo.change"), text), v.base()+"/history/"+text)
}

func (c *console) undo(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	out, err := v.desk.Undo(v.ctx(), v.account.AppID, number(v.r.PathValue("seq")), v.field("note"))
	if err != nil {
		return err
	}
	v.tell("good", v.say(msg("undo.done"), out.Done))
	if out.Left > 0 {
		v.tell("mind", v.say(msg("undo.left"), out.Left))
	}
	if out.Seq == 0 {
		return v.see(v.base() + "/history")
	}
	return v.see(v.base() + "/history/" + strconv.FormatUint(out.Seq, 10))
}

func (c *console) undoJobForm(v *visit) error {
	id := v.r.PathValue("id")
	w, err := v.desk.PreviewUndoJob(v.ctx(), v.account.AppID, id)
	if err != nil {
		return err
	}
	j, err := v.findJob()
	if err != nil {
		return err
	}
	of := changeRow{Time: i18n.StampOf(j.Created, v.zone), Block: j.Action == mpblock.Block, Count: j.Progress.Done, Actor: j.By, Reason: j.Reason}
	return v.undoPage(w, of, v.say(msg("undo.job"), id), v.base()+"/jobs/"+id)
}

func (c *console) undoJob(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	j, err := v.desk.UndoJob(v.ctx(), v.account.AppID, v.r.PathValue("id"), v.field("note"))
	if err != nil {
		return err
	}
	return v.see(v.base() + "/jobs/" + j.ID)
}
