package console

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mpblock"
	"mpblock/internal/console/web"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
)

// searchPage is what was found for a text, in groups.
type searchPage struct {
	web.Frame
	Theirs  *web.NavLink // the OpenID is of that account
	Strange string       // an OpenID of no account that the operator sees
	Groups  []hitGroup
}

// hitGroup is what was found of one kind.
type hitGroup struct {
	Kind, Heading string
	Hits          []hit
	All           string // address of a list of all of them; "" if these are all
	On            string // address where the search goes on, if it stopped for the sake of its time or of the page
	Looked        int    // how many it has looked through until there
	More          int    // that are not among Hits, where there is no such list
}

// hit is something that was found.
type hit struct {
	Text, Address     string
	Called            string // the remark and the name of an OpenID
	Note              string // beside it
	OpenID            bool
	Blocked, Follower bool // of an OpenID
}

const (
	groupHits  = 8 // of a kind that are shown
	leastOfJob = 4 // characters of the id of a job that are looked for
)

// finders look for a text, each for one kind of thing. A group without hits is left out.
var finders = []func(*visit, string) (hitGroup, error){
	(*visit).findRemarked, (*visit).findFollowers, (*visit).findBlocked, (*visit).findChange, (*visit).findJobs, (*visit).findReasons,
}

// search looks for what the operator pasted or typed, whatever it is: what can only be
// one thing opens at once.
func (c *console) search(v *visit) error {
	asked := v.R.URL.Query().Get("q")
	text, ids := lines.Pasted(asked)
	p := &searchPage{}
	p.Asked = lists.Clip(strings.TrimSpace(asked))
	if text == "" && len(ids) == 0 {
		p.Asked = ""
		return v.found(p)
	}
	if len(ids) == 1 {
		return v.findOne(p, ids[0])
	}
	if len(ids) > 1 {
		group, err := v.findSeveral(ids)
		if err != nil {
			return err
		}
		p.Groups = append(p.Groups, group)
		return v.found(p)
	}
	address, err := v.opens(text)
	if err != nil {
		return err
	}
	if address != "" {
		return v.See(address)
	}
	if p.Groups, err = v.findAll(text); err != nil {
		return err
	}
	if len(p.Groups) == 1 {
		if g := p.Groups[0]; len(g.Hits) == 1 && g.All+g.On+v.R.URL.Query().Get("after") == "" {
			return v.See(g.Hits[0].Address)
		}
	}
	return v.found(p)
}

// findAll asks every finder; where a search among remarks goes on, that one alone.
func (v *visit) findAll(text string) ([]hitGroup, error) {
	asked := finders
	if v.R.URL.Query().Get("after") != "" {
		asked = finders[:1]
	}
	var groups []hitGroup
	for _, find := range asked {
		group, err := find(v, text)
		if err != nil {
			return nil, err
		}
		if len(group.Hits) > 0 || group.On != "" {
			groups = append(groups, group)
		}
	}
	return groups, nil
}

// found shows what was found, each OpenID with what the operators call it.
func (v *visit) found(p *searchPage) error {
	var of []*hit
	var ids []mpblock.OpenID
	for _, g := range p.Groups {
		for i := range g.Hits {
			if h := &g.Hits[i]; h.OpenID {
				of, ids = append(of, h), append(ids, mpblock.OpenID([]byte(h.Text)))
			}
		}
	}
	called, err := v.Desk.Remarks(v.Ctx(), v.Account.AppID, ids)
	if err != nil {
		return err
	}
	for i, h := range of {
		r := called[ids[i]]
		h.Called = strings.TrimSpace(r.Remark + " " + r.Name)
	}
	if v.HTMX() { // it goes on by itself
		return v.Part(http.StatusOK, "search", "rest", p)
	}
	title := v.Say(msg("find.do"))
	if p.Asked != "" {
		title = v.Say(msg("find.title"), p.Asked)
	}
	return v.Page(http.StatusOK, "search", title, p)
}

// findOne opens the page of an OpenID, or says of which account it is.
func (v *visit) findOne(p *searchPage, id mpblock.OpenID) error {
	if id.Prefix() == v.Account.Prefix {
		return v.See(v.openidAddress(id))
	}
	a, err := v.Desk.AccountOf(v.Ctx(), id)
	var refusal *mpblock.Error
	switch {
	case errors.As(err, &refusal) && refusal.Kind == mpblock.NotFound:
		p.Strange = id.String()
	case err != nil:
		return err
	default:
		p.Theirs = &web.NavLink{Address: "/a/" + string(a.AppID) + "/openids/" + id.String(), Text: web.NameOf(a)}
	}
	return v.found(p)
}

func (v *visit) openidAddress(id mpblock.OpenID) string { return v.Base() + "/openids/" + id.String() }

// findSeveral shows OpenIDs that were pasted together.
func (v *visit) findSeveral(ids []mpblock.OpenID) (hitGroup, error) {
	g := hitGroup{Kind: "openids", Heading: v.Say(msg("find.openids"))}
	shown := ids[:min(len(ids), v.Rows())]
	g.More = len(ids) - len(shown)
	states, err := v.Desk.States(v.Ctx(), v.Account.AppID, shown)
	for i, s := range states {
		h := hit{Text: shown[i].String(), OpenID: true, Blocked: s.Blocked, Follower: s.Follower}
		if h.Address = v.openidAddress(shown[i]); shown[i].Prefix() != v.Account.Prefix {
			h.Address = v.Base() + "/search?q=" + shown[i].String() // which says whose it is
		}
		g.Hits = append(g.Hits, h)
	}
	return g, err
}

// jobID is the form of the id of a job.
var jobID = regexp.MustCompile(`^[0-9]{12}-[0-9a-f]{6}-`)

// opens returns the address of the one change or job that a text can mean; "" if there
// is none.
func (v *visit) opens(text string) (string, error) {
	if n, marked := strings.CutPrefix(strings.Replace(text, "＃", "#", 1), "#"); marked {
		g, err := v.findChange(n)
		if err != nil || len(g.Hits) == 0 {
			return "", err
		}
		return g.Hits[0].Address, nil
	}
	if id := jobText(text); jobID.MatchString(id) {
		j, err := v.Desk.Job(v.Ctx(), v.Account.AppID, id)
		if missing(err) {
			return "", nil
		}
		return v.Base() + "/jobs/" + j.ID, err
	}
	return "", nil
}

// missing tells the refusal of what is not there.
func missing(err error) bool {
	var refusal *mpblock.Error
	return errors.As(err, &refusal) && refusal.Kind == mpblock.NotFound
}

// findRemarked finds those whose remark or name holds the text.
func (v *visit) findRemarked(text string) (hitGroup, error) {
	g := hitGroup{Kind: "remarks", Heading: v.Say(msg("find.remarks"))}
	page, err := v.Desk.FindRemarks(v.Ctx(), v.Account.AppID, text, v.R.URL.Query().Get("after"), groupHits)
	if err != nil {
		return g, err
	}
	ids := make([]mpblock.OpenID, 0, len(page.Rows))
	for _, r := range page.Rows {
		ids = append(ids, r.OpenID)
	}
	states, err := v.Desk.States(v.Ctx(), v.Account.AppID, ids)
	for i, s := range states {
		g.Hits = append(g.Hits, hit{Text: ids[i].String(), Address: v.openidAddress(ids[i]), OpenID: true, Blocked: s.Blocked, Follower: s.Follower})
	}
	if page.Next != "" {
		g.Looked = page.Looked + int(min(number(v.R.URL.Query().Get("looked")), 1<<40))
		g.On = v.R.URL.Path + "?" + url.Values{"q": {v.R.URL.Query().Get("q")}, "after": {page.Next}, "looked": {strconv.Itoa(g.Looked)}}.Encode()
	}
	return g, err
}

func (v *visit) findFollowers(text string) (hitGroup, error) {
	g := hitGroup{Kind: "followers", Heading: v.Say(msg("find.followers"))}
	if !lines.MayBegin(text) {
		return g, nil
	}
	page, err := v.Desk.Followers(v.Ctx(), v.Account.AppID, lists.FollowerQuery{Prefix: text, Limit: groupHits})
	for _, r := range page.Rows {
		g.Hits = append(g.Hits, hit{Text: r.OpenID.String(), Address: v.openidAddress(r.OpenID), OpenID: true, Blocked: r.Blocked, Follower: true})
	}
	if page.Next != (mpblock.OpenID{}) {
		g.All = v.Base() + "/followers?q=" + url.QueryEscape(text)
	}
	return g, err
}

// findBlocked finds the blocked ones that are no followers; the followers have a group
// of their own.
func (v *visit) findBlocked(text string) (hitGroup, error) {
	g := hitGroup{Kind: "blocked", Heading: v.Say(msg("find.blocked"))}
	if !lines.MayBegin(text) {
		return g, nil
	}
	page, err := v.Desk.Blacklist(v.Ctx(), v.Account.AppID, lists.EntryQuery{Prefix: text, Limit: groupHits})
	if err != nil {
		return g, err
	}
	ids := make([]mpblock.OpenID, 0, len(page.Rows))
	for _, r := range page.Rows {
		ids = append(ids, r.OpenID)
	}
	states, err := v.Desk.States(v.Ctx(), v.Account.AppID, ids)
	for i, s := range states {
		if !s.Follower {
			g.Hits = append(g.Hits, hit{Text: ids[i].String(), Address: v.openidAddress(ids[i]), Note: page.Rows[i].Reason, OpenID: true, Blocked: true})
		}
	}
	if page.Next != "" {
		g.All = v.Base() + "/blacklist?q=" + url.QueryEscape(text)
	}
	return g, err
}

func (v *visit) findChange(text string) (hitGroup, error) {
	g := hitGroup{Kind: "changes", Heading: v.Say(msg("find.changes"))}
	seq := number(text)
	if seq == 0 {
		return g, nil
	}
	c, err := v.Desk.Change(v.Ctx(), v.Account.AppID, seq)
	if missing(err) {
		return g, nil
	}
	g.Hits = append(g.Hits, hit{Text: v.Say(msg("change.title"), strconv.FormatUint(seq, 10)), Address: v.changeAddress(seq), Note: v.note(c)})
	return g, err
}

// note says in one line why a change was made.
func (v *visit) note(c mpblock.Change) string {
	switch {
	case c.Undoes == 0:
		return c.Reason
	case c.Reason == "":
		return v.Say(msg("undo.of"), "#"+strconv.FormatUint(c.Undoes, 10))
	}
	return v.Say(msg("undo.of"), "#"+strconv.FormatUint(c.Undoes, 10)) + " · " + c.Reason
}

// jobText returns what stands behind the word for a job.
func jobText(text string) string {
	for _, word := range []string{"job:", "job ", "任务"} {
		if len(text) >= len(word) && strings.EqualFold(text[:len(word)], word) {
			return strings.TrimSpace(text[len(word):])
		}
	}
	return text
}

func (v *visit) findJobs(text string) (hitGroup, error) {
	g := hitGroup{Kind: "jobs", Heading: v.Say(msg("find.jobs"))}
	if text = strings.ToLower(jobText(text)); len(text) < leastOfJob {
		return g, nil
	}
	all, err := v.Desk.Jobs(v.Ctx(), v.Account.AppID, "", lists.MaxRows)
	for _, j := range all {
		if !strings.Contains(strings.ToLower(j.ID), text) {
			continue
		}
		if len(g.Hits) == groupHits {
			g.All = v.Base() + "/bulk"
			break
		}
		g.Hits = append(g.Hits, hit{Text: j.ID, Address: v.Base() + "/jobs/" + j.ID, Note: j.Reason})
	}
	return g, err
}

func (v *visit) findReasons(text string) (hitGroup, error) {
	g := hitGroup{Kind: "reasons", Heading: v.Say(msg("find.reasons"))}
	all, err := v.Desk.Reasons(v.Ctx(), v.Account.AppID, lists.MaxRows)
	for _, r := range append(slices.Clone(all.Kept), all.Earlier...) {
		if len(g.Hits) < groupHits && strings.Contains(strings.ToLower(r), strings.ToLower(text)) {
			g.Hits = append(g.Hits, hit{Text: r, Address: v.Base() + "/blacklist?" + url.Values{"reason": {r}}.Encode()})
		}
	}
	return g, err
}
