package platform

import (
	"context"
	"iter"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mpblock"
	"mpblock/internal/lines"
	"mpblock/internal/memstore"
)

// openConsole opens a platform whose passwords are cheap to hash.
func openConsole(t *testing.T, store mpblock.Store) *Platform {
	t.Helper()
	p := open(t, store)
	p.hasher.cost = hashCost{time: 1, memory: 8, threads: 1}
	return p
}

const password = "correct horse 电池"

// enrol makes an operator with a password.
func enrol(t *testing.T, p *Platform, n NewOperator) Session {
	t.Helper()
	_, token, err := p.AddOperator(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.UseReset(t.Context(), token, password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func deskOf(t *testing.T, p *Platform, s Session) *Desk {
	t.Helper()
	d, err := p.Desk(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newDesk makes an operator and returns its desk.
func newDesk(t *testing.T, p *Platform, name string, role Role, apps ...mpblock.AppID) *Desk {
	t.Helper()
	return deskOf(t, p, enrol(t, p, NewOperator{Name: name, Role: role, Accounts: apps}))
}

// listOf makes a list of lines.
func listOf(text ...string) Source {
	return func(each func(lines.Line) error) ([]lines.Summary, error) {
		sum, err := lines.Read(strings.NewReader(strings.Join(text, "\n")), lines.Options{}, each)
		return []lines.Summary{sum}, err
	}
}

func firstErr[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

// action is a method of Desk: the role that it takes, "" if it is everyone's own,
// whether it is on an account, and how to try it.
type action struct {
	role    Role
	account bool
	try     func(context.Context, *Desk, mpblock.AppID) error
}

// free are the methods of Desk that ask nothing of the platform.
var free = []string{"Operator", "MustEnrol", "May"}

var actions = map[string]action{
	"Accounts": {RoleViewer, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Accounts(ctx, "", 10)
		return err
	}},
	"Account": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Account(ctx, app)
		return err
	}},
	"Overview": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Overview(ctx, app)
		return err
	}},
	"Reasons": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Reasons(ctx, app, 10)
		return err
	}},
	"Followers": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Followers(ctx, app, FollowerQuery{Limit: 10})
		return err
	}},
	"Blacklist": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Blacklist(ctx, app, EntryQuery{Limit: 10})
		return err
	}},
	"Export": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return firstErr(d.Export(ctx, app, EntryQuery{}))
	}},
	"History": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.History(ctx, app, ChangeQuery{Limit: 10})
		return err
	}},
	"Change": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Change(ctx, app, 1)
		return err
	}},
	"Timeline": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Timeline(ctx, app, "x")
		return err
	}},
	"Job": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Job(ctx, app, "x")
		return err
	}},
	"Jobs": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Jobs(ctx, app, "", 10)
		return err
	}},
	"Refused": {RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return firstErr(d.Refused(ctx, app, "x"))
	}},
	"Block": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Block(ctx, app, nil, "")
		return err
	}},
	"Unblock": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Unblock(ctx, app, nil, "")
		return err
	}},
	"PreviewUndo": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.PreviewUndo(ctx, app, 1)
		return err
	}},
	"Undo": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Undo(ctx, app, 1, "")
		return err
	}},
	"PreviewUndoJob": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.PreviewUndoJob(ctx, app, "x")
		return err
	}},
	"UndoJob": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.UndoJob(ctx, app, "x", "")
		return err
	}},
	"DraftJob": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.DraftJob(ctx, app, mpblock.Block, listOf())
		return err
	}},
	"StartJob": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.StartJob(ctx, app, "x", "")
		return err
	}},
	"DropJob": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.DropJob(ctx, app, "x")
	}},
	"StopJob": {RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.StopJob(ctx, app, "x")
		return err
	}},
	"AddAccount": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, _, err := d.AddAccount(ctx, NewAccount{})
		return err
	}},
	"SetAccount": {RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.SetAccount(ctx, app, AccountSettings{})
		return err
	}},
	"RotateSecret": {RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.RotateSecret(ctx, app)
		return err
	}},
	"Operators": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Operators(ctx)
		return err
	}},
	"AddOperator": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, _, err := d.AddOperator(ctx, NewOperator{Name: "someone", Role: RoleViewer})
		return err
	}},
	"UpdateOperator": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.UpdateOperator(ctx, NewOperator{Name: "someone", Role: RoleViewer})
		return err
	}},
	"DisableOperator": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.DisableOperator(ctx, "someone", true)
	}},
	"DeleteOperator": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.DeleteOperator(ctx, "someone")
	}},
	"ResetOperator": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.ResetOperator(ctx, "someone")
		return err
	}},
	"EndSessions": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.EndSessions(ctx, "someone")
	}},
	"SetRequireSecondFactor": {RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.SetRequireSecondFactor(ctx, false)
	}},
	"ChangePassword": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.ChangePassword(ctx, "wrong", password)
		return err
	}},
	"SetLanguage": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.SetLanguage(ctx, "zh")
	}},
	"NewSecondFactor": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.NewSecondFactor(ctx)
		return err
	}},
	"ConfirmSecondFactor": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.ConfirmSecondFactor(ctx, "x")
	}},
	"RemoveSecondFactor": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.RemoveSecondFactor(ctx, "wrong")
	}},
	"Link": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.Link(ctx, Identity{})
	}},
	"Unlink": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.Unlink(ctx, Identity{Issuer: "i", Subject: "s"})
	}},
}

func TestEveryActionIsInTheTable(t *testing.T) {
	desk := reflect.TypeFor[*Desk]()
	for i := range desk.NumMethod() {
		name := desk.Method(i).Name
		if _, ok := actions[name]; !ok && !slices.Contains(free, name) {
			t.Errorf("Desk.%s is in no table: say there which role it takes", name)
		}
	}
}

// A refusal for want of a role says so in the same words everywhere, and so do those
// of an account that is not the operator's and of a missing second factor.
func TestActionsTakeTheirRoles(t *testing.T) {
	p := openConsole(t, memstore.New())
	mine, _ := addAccount(t, p, NewAccount{})
	other, _ := addAccount(t, p, NewAccount{})
	newDesk(t, p, "root", RoleAdmin)
	desks := map[Role]*Desk{
		RoleViewer:   newDesk(t, p, "vera", RoleViewer, mine.AppID),
		RoleOperator: newDesk(t, p, "olga", RoleOperator, mine.AppID),
		RoleAdmin:    newDesk(t, p, "adam", RoleAdmin),
	}
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		a := actions[name]
		for role, d := range desks {
			err := a.try(t.Context(), d, mine.AppID)
			refused := err != nil && strings.Contains(err.Error(), "this takes the role "+string(a.role))
			if want := a.role != "" && role.rank() < a.role.rank(); refused != want {
				t.Errorf("%s by a %s: %v", name, role, err)
			}
			if !a.account || role == RoleAdmin || role.rank() < a.role.rank() {
				continue
			}
			for _, app := range []mpblock.AppID{other.AppID, "wx0000000000000000", "../"} {
				wantRefusal(t, a.try(t.Context(), d, app), "there is no account")
			}
		}
		forced := *desks[RoleAdmin]
		forced.enrol = true
		err := a.try(t.Context(), &forced, mine.AppID)
		if refused := err != nil && strings.Contains(err.Error(), "set yours up first"); refused != (a.role != "") {
			t.Errorf("%s without the second factor that is required: %v", name, err)
		}
	}
}

func TestAccountsOfAnOperator(t *testing.T) {
	p := openConsole(t, memstore.New())
	apps := []mpblock.AppID{"wx0000000000000001", "wx0000000000000002", "wx0000000000000003"}
	for _, app := range apps {
		addAccount(t, p, NewAccount{AppID: app, Name: string(app[17:])})
	}
	d := newDesk(t, p, "olga", RoleOperator, apps[2], apps[0], "wx000000000000000f")
	seen := func(d *Desk, after mpblock.AppID, limit int) (names string) {
		t.Helper()
		as, err := d.Accounts(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range as {
			names += a.Name
			if a.Key != (mpblock.Key{}) || a.SecretHash != (mpblock.SecretHash{}) {
				t.Error("an account is shown with its key or the hash of its secret")
			}
		}
		return names
	}
	if got := seen(d, "", 10); got != "13" {
		t.Errorf("the operator sees %q, want 13", got)
	}
	if got := seen(d, apps[0], 10) + "," + seen(d, "", 1); got != "3,1" {
		t.Errorf("pages are %q, want 3,1", got)
	}
	if got := seen(newDesk(t, p, "adam", RoleAdmin), "", 10); got != "123" {
		t.Errorf("an admin sees %q, want 123", got)
	}
}

func TestSetAccount(t *testing.T) {
	p := openConsole(t, memstore.New())
	d := newDesk(t, p, "adam", RoleAdmin)
	a, secret, err := d.AddAccount(t.Context(), NewAccount{Name: "new"})
	if err != nil || len(secret) != 32 {
		t.Fatalf("%+v, %v", a, err)
	}
	_, err = ParseNetwork(" 192.0.2.7")
	wantRefusal(t, err, `" 192.0.2.7" is no address`)
	network, err := ParseNetwork("192.0.2.7/24")
	if err != nil || network != netip.MustParsePrefix("192.0.2.0/24") {
		t.Errorf("parsed %v, %v", network, err)
	}
	got, err := d.SetAccount(t.Context(), a.AppID, AccountSettings{
		Name: "newer", AnyFollower: true, AllowIPs: []netip.Prefix{network}, Daily: map[mpblock.Call]int{mpblock.CallList: 5},
	})
	if err != nil || got.Name != "newer" || !got.AnyFollower || len(got.AllowIPs) != 1 || got.Daily[mpblock.CallList] != 5 || got.Prefix != a.Prefix {
		t.Errorf("set %+v, %v", got, err)
	}
	if got, err = d.SetAccount(t.Context(), a.AppID, AccountSettings{}); err != nil || got.Name != "" || got.AnyFollower || len(got.AllowIPs) != 0 || len(got.Daily) != 0 {
		t.Errorf("cleared %+v, %v", got, err)
	}
	_, err = d.SetAccount(t.Context(), a.AppID, AccountSettings{Denied: []mpblock.Call{"nonsense"}})
	wantRefusal(t, err, "no call is named")
	next, err := d.RotateSecret(t.Context(), a.AppID)
	if acc, _ := p.Account(t.Context(), a.AppID); err != nil || !acc.SecretHash.Matches(next) || acc.SecretHash.Matches(secret) {
		t.Errorf("the secret was not rotated: %v", err)
	}
}
