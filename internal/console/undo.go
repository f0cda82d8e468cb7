package console

import (
	"net/http"
	"strconv"

	"mpblock"
	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/lists"
)

// undoPage says what an undo would do, before it does.
type undoPage struct {
	web.Frame
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
	return v.Base() + "/history/" + strconv.FormatUint(seq, 10) + "/undo"
}

func (v *visit) undoPage(w lists.UndoPreview, of changeRow, heading, back string) error {
	p := &undoPage{
		Heading: heading, Of: of, Action: v.R.URL.Path, Back: back, Blocks: w.Action == mpblock.Block,
		Would: w.Would, Total: w.Total, Looked: w.Looked, Left: w.Left, Partly: w.Looked < w.Total,
		LeftRows: v.leftRows(w.LeftRows), MoreLeft: max(0, w.Left-len(w.LeftRows)),
	}
	return v.Page(http.StatusOK, "undo", heading, p)
}

func (v *visit) leftRows(rows []lists.LeftAlone) []leftRow {
	all := make([]leftRow, 0, len(rows))
	for _, r := range rows {
		row := leftRow{OpenID: r.OpenID.String(), Address: v.Base() + "/openids/" + r.OpenID.String()}
		if r.By.Seq != 0 {
			by := v.changeRow(r.By)
			row.By = &by
		}
		all = append(all, row)
	}
	return all
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
	text := strconv.FormatUint(seq, 10)
	return v.undoPage(w, v.changeRow(rowOf(change)), v.Say(msg("undo.change"), text), v.Base()+"/history/"+text)
}

func (c *console) undo(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	out, err := v.Desk.Undo(v.Ctx(), v.Account.AppID, number(v.R.PathValue("seq")), v.Field("note"))
	if err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("undo.done"), out.Done))
	if out.Left > 0 {
		v.Tell("mind", v.Say(msg("undo.left"), out.Left))
	}
	if out.Seq == 0 {
		return v.See(v.Base() + "/history")
	}
	return v.See(v.Base() + "/history/" + strconv.FormatUint(out.Seq, 10))
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
	of := changeRow{Time: i18n.StampOf(j.Created, v.Zone), Block: j.Action == mpblock.Block, Count: j.Progress.Done, Actor: actorView{Name: j.By}, Reason: j.Reason}
	return v.undoPage(w, of, v.Say(msg("undo.job"), id), v.Base()+"/jobs/"+id)
}

func (c *console) undoJob(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	j, err := v.Desk.UndoJob(v.Ctx(), v.Account.AppID, v.R.PathValue("id"), v.Field("note"))
	if err != nil {
		return err
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
