package intake

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
)

type pasted string

func (pasted) Receive() error { return nil }

func (p pasted) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	sum, err := lines.Read(strings.NewReader(string(p)), lines.Options{}, each)
	return []lines.Summary{sum}, err
}

// clock is a clock that a test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

var account = &mpblock.Account{AppID: "wx1111111111111111", Prefix: mpblock.Prefix{1, 2, 3, 4}}

func user(prefix byte, name string) string {
	return mpblock.Mint(mpblock.Prefix{prefix, 2, 3, 4}, mpblock.Key{}, name).String()
}

func open(t *testing.T) (*Service, *lists.Service, *clock) {
	t.Helper()
	now := &clock{time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}
	store := memstore.WithClock(now)
	l, err := lists.New(store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return New(store, l, now), l, now
}

func draft(t *testing.T, svc *Service, remove bool, list ...string) Plan {
	t.Helper()
	p, err := svc.Draft(t.Context(), account, "adam", remove, pasted(strings.Join(list, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func do(t *testing.T, svc *Service, id string) int {
	t.Helper()
	_, n, err := svc.Do(t.Context(), account, id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFollowersComeAndGo(t *testing.T) {
	svc, l, _ := open(t)
	followers := func(want int) {
		t.Helper()
		if totals, err := l.Totals(t.Context(), account.AppID); err != nil || totals.Followers != want {
			t.Fatalf("%d followers, %v, want %d", totals.Followers, err, want)
		}
	}
	a, b, c := user(1, "a"), user(1, "b"), user(1, "c")
	p := draft(t, svc, false, a, b, a, "o-short", user(9, "foreign"))
	if p.Total != 2 || p.New != 2 || p.Already != 0 || p.Duplicates != 1 || p.Malformed != 1 || p.Foreign != 1 || len(p.Bad) != 2 {
		t.Errorf("plan %+v", p)
	}
	if p.Bad[0].Line != 4 || p.Bad[0].Key == "" || p.Bad[1].Key != "" {
		t.Errorf("bad lines %+v", p.Bad)
	}
	followers(0)
	if got := do(t, svc, p.ID); got != 2 {
		t.Errorf("%d were added, want 2", got)
	}
	followers(2)
	if _, _, err := svc.Do(t.Context(), account, p.ID); !errors.Is(err, errGone) {
		t.Errorf("carried out twice: %v", err)
	}
	if _, err := l.ByHand(t.Context(), account, lists.Hand{Actor: "x", Action: mpblock.Block, OpenIDs: []string{b}}); err != nil {
		t.Fatal(err)
	}
	p = draft(t, svc, true, b, c)
	if p.New != 1 || p.Already != 1 || p.Blocked != 1 {
		t.Errorf("plan %+v", p)
	}
	if got := do(t, svc, p.ID); got != 1 {
		t.Errorf("%d were removed, want 1", got)
	}
	followers(1)
	if totals, _ := l.Totals(t.Context(), account.AppID); totals.Blocked != 1 {
		t.Errorf("who is removed is blocked no more")
	}
}

func TestPlanOfManyChunks(t *testing.T) {
	svc, _, _ := open(t)
	var list []string
	for i := range 2*chunkSize + 1 {
		list = append(list, mpblock.Mint(account.Prefix, mpblock.Key{}, time.Duration(i).String()).String())
	}
	if got := do(t, svc, draft(t, svc, false, list...).ID); got != len(list) {
		t.Errorf("%d were added, want %d", got, len(list))
	}
}

func TestListsThatAreRefused(t *testing.T) {
	svc, _, _ := open(t)
	for text, want := range map[string]error{
		"":                                    errEmpty,
		user(9, "foreign"):                    errForeign,
		strings.Repeat("o-short\n", MaxBad+1): errBad,
		strings.Repeat(user(1, "a")+"\n", MaxPlan+1):       errLong,
		strings.Repeat("x", 3) + "\n" + user(9, "foreign"): errForeign,
	} {
		if _, err := svc.Draft(t.Context(), account, "adam", false, pasted(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", text, err, want)
		}
	}
}

func TestPlansEnd(t *testing.T) {
	svc, _, now := open(t)
	p, dropped := draft(t, svc, false, user(1, "a")), draft(t, svc, false, user(1, "a"))
	if err := svc.Drop(t.Context(), account.AppID, dropped.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.Plan(t.Context(), account.AppID, dropped.ID); !errors.Is(err, errGone) {
		t.Errorf("dropped, and there: %v", err)
	}
	now.now = now.now.Add(PlanLife - time.Second)
	if _, err := svc.Plan(t.Context(), account.AppID, p.ID); err != nil {
		t.Error(err)
	}
	now.now = now.now.Add(time.Second)
	if _, _, err := svc.Do(t.Context(), account, p.ID); !errors.Is(err, errGone) {
		t.Errorf("an hour old, and carried out: %v", err)
	}
}

func TestMint(t *testing.T) {
	svc, l, _ := open(t)
	for _, n := range []int{-1, 0, MaxMint + 1} {
		if err := svc.Mint(t.Context(), account, n); !errors.Is(err, errMint) {
			t.Errorf("%d: %v", n, err)
		}
	}
	if err := svc.Mint(t.Context(), account, 3); err != nil {
		t.Fatal(err)
	}
	if totals, _ := l.Totals(t.Context(), account.AppID); totals.Followers != 3 {
		t.Errorf("%d followers, want 3", totals.Followers)
	}
}
