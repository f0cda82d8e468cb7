package upstream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mpblock"
	"mpblock/internal/jobs"
	"mpblock/internal/lists"
	"mpblock/mpblocktest"
)

// TestModel makes random changes through all doors of two nodes, with answers lost, calls
// refused and nodes killed at a random write, while others are at work on the platform. At
// the end platform, mirror, log and jobs agree about each OpenID.
func TestModel(t *testing.T) {
	for name, seed := range map[string]uint64{
		"random": rand.Uint64(),
		// A job went on with a chunk before what was under way of it was in the log, and did
		// again what another job had taken back meanwhile.
		"a job goes on": 13405459816268689494,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); playAll(t, seed) })
	}
}

func playAll(t *testing.T, seed uint64) {
	t.Helper()
	t.Logf("seed %d", seed)
	var met model
	for round := range 25 {
		synctest.Test(t, func(t *testing.T) {
			m := &model{world: newWorld(t, mpblocktest.WithPageSize(50)), dice: rand.New(rand.NewPCG(seed, uint64(round))), reasons: map[string]string{mpblock.ActorAPI: ""}, want: map[string]bool{}}
			m.play()
			met.kills, met.sure, met.undone, met.done = met.kills+m.kills, met.sure+m.sure, met.undone+m.undone, met.done+m.done
		})
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	t.Logf("%d kills, %d acknowledged by hand and over the API, %d undone, %d jobs", met.kills, met.sure, met.undone, met.done)
	if met.kills < 50 || met.sure < 100 || met.undone == 0 || met.done < 20 {
		t.Error("too few of some to tell")
	}
}

type model struct {
	*world
	dice    *rand.Rand
	nodes   [2]*gateway
	fans    []string // changed through here
	others  []string // changed on the platform alone
	reasons map[string]string
	want    map[string]bool // what was acknowledged last, where nothing since is in doubt
	undoes  []uint64
	started []string // jobs

	kills, sure, undone, done int
}

func (m *model) play() {
	all := m.platform.Followers(300)
	m.fans, m.others = all[:200], all[200:]
	m.platform.Plan(fmt.Sprintf("seed: %d\nrules: [{name: lost, match: {path: '*/batch*'}, probability: 0.15, effect: {lost_answer: cut}}, {name: never, match: {path: '*/batch*'}, probability: 0.05, effect: {reset: before}}, {name: busy, match: {path: '*/tags/*'}, probability: 0.05, effect: {errcode: -1}}]", m.dice.IntN(1000)))
	for i := range m.nodes {
		m.nodes[i] = m.gateway()
	}
	for step := range 30 {
		i := m.dice.IntN(2)
		if m.dice.IntN(3) == 0 {
			m.nodes[i].store.left.Store(m.dice.Int64N(12)) // the process is killed at that write
		}
		m.step(fmt.Sprintf("%d", step), m.nodes[i])
		if m.nodes[i].store.left.Load() < 1<<30 {
			m.kills++
			m.nodes[i].store.left.Store(0)
			m.nodes[i].close()
			m.nodes[i] = m.gateway()
		}
	}
	m.end()
}

// some returns some OpenIDs.
func (m *model) some(most int) []string {
	n := 1 + m.dice.IntN(most)
	from := m.dice.IntN(len(m.fans) - n)
	return m.fans[from : from+n]
}

// step does one thing.
func (m *model) step(name string, g *gateway) {
	ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
	defer cancel()
	action := []mpblock.Action{mpblock.Block, mpblock.Block, mpblock.Unblock}[m.dice.IntN(3)]
	alone := len(m.running()) == 0 // a job may come after a change, and end before that is looked at
	switch m.dice.IntN(7) {
	case 0:
		ids := m.some(20)
		m.changed(action, ids, alone, g.lists.Change(ctx, m.account, mpblock.ActorAPI, action, ids))
	case 1, 2:
		ids, actor := m.some(20), "console:"+name
		m.reasons[actor] = "because of " + actor
		out, err := g.lists.ByHand(ctx, m.account, lists.Hand{Actor: actor, Action: action, OpenIDs: ids, Reason: m.reasons[actor]})
		m.changed(action, ids, alone, err)
		if err == nil && out.Seq != 0 {
			m.undoes = append(m.undoes, out.Seq)
		}
	case 3:
		ids := m.some(80)
		j, err := m.start(g, action, "because of "+name, ids...)
		if err == nil {
			m.reasons["job:"+j.ID] = "because of " + name
			m.started = append(m.started, j.ID)
		}
		m.changed(action, ids, false, context.Canceled) // when it happens, nobody knows
	case 4:
		if len(m.undoes) > 0 {
			m.undo(ctx, name, g)
		}
	case 5:
		one := m.others[m.dice.IntN(len(m.others))]
		m.platform.Drift([]string{one}, nil)
		m.platform.Drift(nil, []string{m.others[m.dice.IntN(len(m.others))]})
	case 6:
		_, _ = g.upstream.Sync(ctx, m.account.AppID, false) // its reading may be lost too
	}
}

// changed keeps what was acknowledged, unless a job was under way when it was asked for.
func (m *model) changed(action mpblock.Action, ids []string, alone bool, err error) {
	if err == nil {
		m.sure++
	}
	for _, id := range ids {
		if delete(m.want, id); err == nil && alone {
			m.want[id] = action == mpblock.Block
		}
	}
}

// running returns the jobs that have not ended.
func (m *model) running() (ids []string) {
	for _, id := range m.started {
		g := jobs.New(m.store, nil, nil, jobs.Options{})
		if j, err := g.Job(m.Context(), m.account.AppID, id); err == nil && j.Active() {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *model) undo(ctx context.Context, name string, g *gateway) {
	seq, actor := m.undoes[m.dice.IntN(len(m.undoes))], "console:"+name
	change, err := g.lists.ChangeAt(ctx, m.account.AppID, seq)
	if err != nil {
		return // it was killed
	}
	m.reasons[actor] = "undo " + name
	out, err := g.lists.Undo(ctx, m.account, actor, seq, m.reasons[actor])
	if err == nil && out.Done > 0 {
		m.undone++
	}
	for _, id := range change.OpenIDs {
		delete(m.want, id.String())
	}
}

// end lets all that is under way end, and holds everything to everything.
func (m *model) end() {
	for _, n := range m.nodes {
		n.close()
	}
	m.platform.Fail()
	g := m.gateway()
	defer g.close()
	for _, id := range m.started {
		j, err := g.jobs.Job(m.Context(), m.account.AppID, id)
		if err != nil {
			m.Fatal(err)
		}
		if !j.Active() && j.State != jobs.JobDone {
			continue // a draft
		}
		if j = m.await(g, id); j.State != jobs.JobDone || j.Progress.Seen() != j.Progress.Total || j.Progress.Refused > 0 {
			m.Errorf("%+v", j)
		}
		n := 0
		for _, c := range m.log() {
			if c.Actor == "job:"+id {
				n += len(c.OpenIDs)
			}
		}
		if n != j.Progress.Done {
			m.Errorf("the log has %d by job %s, which counts %d", n, id, j.Progress.Done)
		}
		m.done++
	}
	m.settled()
	m.audit(m.reasons)
	here := m.here()
	for id, blocked := range m.want {
		if slices.Contains(here, id) != blocked {
			m.Errorf("%s: blocked is %v, and that was not acknowledged", id, !blocked)
		}
	}
}
