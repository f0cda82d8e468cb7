package desk

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"mpblock"
	"mpblock/internal/access"
	"mpblock/internal/access/programs"
	"mpblock/internal/audit"
	"mpblock/internal/intake"
	"mpblock/internal/jobs"
	"mpblock/internal/lines"
	"mpblock/internal/lists"
	"mpblock/internal/memstore"
	"mpblock/internal/operators"
	"mpblock/internal/operators/credentials"
	"mpblock/internal/remarks"
	"mpblock/internal/upstream"
	"mpblock/internal/upstream/budget"
	"mpblock/internal/upstream/source"
	"mpblock/internal/webhooks"
	"mpblock/internal/webhooks/post"
)

// open returns the desks over a store, with passwords that are cheap to hash.
func open(t *testing.T, store mpblock.Store) *Office {
	t.Helper()
	a, err := access.Open(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	o, err := operators.Open(t.Context(), store, operators.Options{Cost: credentials.Cost{Time: 1, Memory: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := lists.New(store, lists.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return New(a, o, l, jobs.New(store, l, a.Account, jobs.Options{}), remarks.New(store, nil), intake.New(store, l, nil), upstream.New(store, upstream.Options{}), audit.New(store, nil, nil), nil).WithWebhooks(webhooks.New(store, webhooks.Options{Post: post.New(false)}))
}

func addAccount(t *testing.T, office *Office, n access.NewAccount) *mpblock.Account {
	t.Helper()
	a, _, err := office.access.AddAccount(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func wantRefusal(t *testing.T, err error, text string) {
	t.Helper()
	if mpblock.KindOf(err) == mpblock.Internal || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want a refusal with %q", err, text)
	}
}

const password = "correct horse 电池"

// enrol makes an operator with a password.
func enrol(t *testing.T, office *Office, n operators.NewOperator) operators.Session {
	t.Helper()
	_, token, err := office.operators.AddOperator(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	s, err := office.operators.UseReset(t.Context(), token, password)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func deskOf(t *testing.T, office *Office, s operators.Session) *Desk {
	t.Helper()
	d, err := office.Desk(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newDesk makes an operator and returns its desk.
func newDesk(t *testing.T, office *Office, name string, role operators.Role, apps ...mpblock.AppID) *Desk {
	t.Helper()
	return deskOf(t, office, enrol(t, office, operators.NewOperator{Name: name, Role: role, Accounts: apps}))
}

// listOf makes a list of lines.
func listOf(text ...string) jobs.Source { return pasted(strings.Join(text, "\n")) }

type pasted string

func (pasted) Receive() error { return nil }

func (p pasted) Read(each func(lines.Line) error) ([]lines.Summary, error) {
	sum, err := lines.Read(strings.NewReader(string(p)), lines.Options{}, each)
	return []lines.Summary{sum}, err
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
	role    operators.Role
	account bool
	try     func(context.Context, *Desk, mpblock.AppID) error
}

// free are the methods of Desk that ask nothing of the platform.
var free = []string{"Operator", "MustEnrol", "May"}

var actions = map[string]action{
	"Platform": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Platform(ctx, app)
		return err
	}},
	"Elsewhere": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Elsewhere(ctx, app, 10)
		return err
	}},
	"Examined": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Examined(ctx, app)
		return err
	}},
	"Examine": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Examine(ctx, app)
		return err
	}},
	"Sync": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Sync(ctx, app)
		return err
	}},
	"SyncSure": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.SyncSure(ctx, app)
		return err
	}},
	"SyncFollowers": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.SyncFollowers(ctx, app, true)
		return err
	}},
	"SetPlatform": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.SetPlatform(ctx, app, upstream.Settings{})
	}},
	"SetLimits": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.SetLimits(ctx, app, budget.Limits{})
	}},
	"SetAnyPrefix": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.SetAnyPrefix(ctx, app, true)
	}},
	"MovePlatform": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.MovePlatform(ctx, app, "http://127.0.0.1:1", source.Spec{Secret: "s"})
		return err
	}},
	"TryPlatform": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.TryPlatform(ctx, "", "", source.Spec{})
		return err
	}},
	"JoinPlatform": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, _, err := d.JoinPlatform(ctx, access.NewAccount{}, source.Spec{})
		return err
	}},
	"Wrap": {operators.RoleAdmin, false, func(_ context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Wrap("text")
		return err
	}},
	"Unwrap": {operators.RoleAdmin, false, func(_ context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Unwrap("text")
		return err
	}},
	"Accounts": {operators.RoleViewer, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Accounts(ctx, "", 10)
		return err
	}},
	"Account": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Account(ctx, app)
		return err
	}},
	"Overview": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Overview(ctx, app)
		return err
	}},
	"Reasons": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Reasons(ctx, app, 10)
		return err
	}},
	"Followers": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Followers(ctx, app, lists.FollowerQuery{Limit: 10})
		return err
	}},
	"Blacklist": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Blacklist(ctx, app, lists.EntryQuery{Limit: 10})
		return err
	}},
	"Names": {operators.RoleViewer, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Names(ctx, 10)
		return err
	}},
	"AccountOf": {operators.RoleViewer, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.AccountOf(ctx, mpblock.OpenID{})
		if errors.Is(err, errNoHolder) {
			return nil
		}
		return err
	}},
	"States": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.States(ctx, app, nil)
		return err
	}},
	"CountEntries": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, _, err := d.CountEntries(ctx, app, lists.EntryQuery{})
		return err
	}},
	"ProgramNames": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.ProgramNames(ctx, app)
		return err
	}},
	"Webhooks": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Webhooks(ctx, app)
		return err
	}},
	"Webhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, _, err := d.Webhook(ctx, app, "none")
		return err
	}},
	"AddWebhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.AddWebhook(ctx, app, "", "", nil)
		return err
	}},
	"RotateWebhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.RotateWebhook(ctx, app, "none", -1)
		return err
	}},
	"ResumeWebhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.ResumeWebhook(ctx, app, "none", nil)
	}},
	"RemoveWebhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.RemoveWebhook(ctx, app, "none")
	}},
	"TestWebhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.TestWebhook(ctx, app, "none")
		return err
	}},
	"ResendWebhook": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.ResendWebhook(ctx, app, "none", "")
		return err
	}},
	"Programs": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Programs(ctx, app)
		return err
	}},
	"ProtectedAmong": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.ProtectedAmong(ctx, app, nil)
		return err
	}},
	"ProtectedAs": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, _, err := d.ProtectedAs(ctx, app, mpblock.OpenID{})
		return err
	}},
	"OnTheWay": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, _, err := d.OnTheWay(ctx, app, mpblock.OpenID{}, "")
		return err
	}},
	"Protected": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Protected(ctx, app)
		return err
	}},
	"Protect": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Protect(ctx, app, nil, "")
		return err
	}},
	"Unprotect": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Unprotect(ctx, app, nil)
		return err
	}},
	"AddProgram": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.AddProgram(ctx, app, "", nil)
		return err
	}},
	"RotateProgram": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.RotateProgram(ctx, app, "none")
		return err
	}},
	"ScopeProgram": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.ScopeProgram(ctx, app, "none", nil)
	}},
	"RevokeProgram": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.RevokeProgram(ctx, app, "none")
	}},
	"People": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.People(ctx, app)
		return err
	}},
	"ReasonCounts": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.ReasonCounts(ctx, app, 10)
		return err
	}},
	"Export": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return firstErr(d.Export(ctx, app, lists.EntryQuery{}))
	}},
	"History": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.History(ctx, app, lists.ChangeQuery{Limit: 10})
		return err
	}},
	"Change": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Change(ctx, app, 1)
		return err
	}},
	"Row": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Row(ctx, app, mpblock.Change{})
		return err
	}},
	"Timeline": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Timeline(ctx, app, "x")
		return err
	}},
	"Job": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Job(ctx, app, "x")
		return err
	}},
	"Jobs": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Jobs(ctx, app, "", 10)
		return err
	}},
	"Refused": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return firstErr(d.Refused(ctx, app, "x"))
	}},
	"Remarks": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Remarks(ctx, app, nil)
		return err
	}},
	"FindRemarks": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.FindRemarks(ctx, app, "x", "", 10)
		return err
	}},
	"AllRemarks": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return firstErr(d.AllRemarks(ctx, app))
	}},
	"SetRemark": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.SetRemark(ctx, app, "x", "", "")
	}},
	"ImportRemarks": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.ImportRemarks(ctx, app, nil)
	}},
	"Block": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Block(ctx, app, nil, "", time.Time{})
		return err
	}},
	"Unblock": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Unblock(ctx, app, nil, "")
		return err
	}},
	"EntryOf": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.EntryOf(ctx, app, strings.Repeat("x", mpblock.OpenIDLen))
		return err
	}},
	"Amend": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Amend(ctx, app, nil, "", time.Time{})
		return err
	}},
	"PreviewUndo": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.PreviewUndo(ctx, app, 1)
		return err
	}},
	"Undo": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.Undo(ctx, app, 1, "")
		return err
	}},
	"PreviewUndoJob": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.PreviewUndoJob(ctx, app, "x")
		return err
	}},
	"UndoJob": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.UndoJob(ctx, app, "x", "")
		return err
	}},
	"DraftJob": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.DraftJob(ctx, app, mpblock.Block, listOf())
		return err
	}},
	"StartJob": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.StartJob(ctx, app, "x", "", time.Time{})
		return err
	}},
	"DropJob": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.DropJob(ctx, app, "x")
	}},
	"StopJob": {operators.RoleOperator, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.StopJob(ctx, app, "x")
		return err
	}},
	"SampleFollower": {operators.RoleViewer, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.SampleFollower(ctx, app)
		return err
	}},
	"DraftFollowers": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.DraftFollowers(ctx, app, false, listOf())
		return err
	}},
	"FollowersPlan": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.FollowersPlan(ctx, app, "x")
		return err
	}},
	"DropFollowersPlan": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.DropFollowersPlan(ctx, app, "x")
	}},
	"ChangeFollowers": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, _, err := d.ChangeFollowers(ctx, app, "x")
		return err
	}},
	"MintFollowers": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.MintFollowers(ctx, app, 1)
	}},
	"SetPrefix": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.SetPrefix(ctx, app, mpblock.OpenID{})
		return err
	}},
	"AddAccount": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, _, err := d.AddAccount(ctx, access.NewAccount{})
		return err
	}},
	"SetAccount": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.SetAccount(ctx, app, AccountSettings{})
		return err
	}},
	"Audit": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Audit(ctx, "", 10)
		return err
	}},
	"RetireAccount": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.RetireAccount(ctx, app, false)
	}},
	"RemoveAccount": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		return d.RemoveAccount(ctx, app, string(app))
	}},
	"RotateSecret": {operators.RoleAdmin, true, func(ctx context.Context, d *Desk, app mpblock.AppID) error {
		_, err := d.RotateSecret(ctx, app)
		return err
	}},
	"Operators": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.Operators(ctx)
		return err
	}},
	"AddOperator": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, _, err := d.AddOperator(ctx, operators.NewOperator{Name: "someone", Role: operators.RoleViewer})
		return err
	}},
	"UpdateOperator": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.UpdateOperator(ctx, operators.NewOperator{Name: "someone", Role: operators.RoleViewer})
		return err
	}},
	"DisableOperator": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.DisableOperator(ctx, "someone", true)
	}},
	"DeleteOperator": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.DeleteOperator(ctx, "someone")
	}},
	"ResetOperator": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.ResetOperator(ctx, "someone")
		return err
	}},
	"EndSessions": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.EndSessions(ctx, "someone")
	}},
	"SetRequireSecondFactor": {operators.RoleAdmin, false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
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
		_, err := d.ConfirmSecondFactor(ctx, "x")
		return err
	}},
	"SetRows": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error { return d.SetRows(ctx, 50) }},
	"NewRecoveryCodes": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.NewRecoveryCodes(ctx, "wrong")
		return err
	}},
	"Logins": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, _, err := d.Logins(ctx)
		return err
	}},
	"EndLogin": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.EndLogin(ctx, "none")
	}},
	"EndOthers": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		_, err := d.EndOthers(ctx)
		return err
	}},
	"RemoveSecondFactor": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.RemoveSecondFactor(ctx, "wrong")
	}},
	"Link": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.Link(ctx, operators.Identity{})
	}},
	"Unlink": {"", false, func(ctx context.Context, d *Desk, _ mpblock.AppID) error {
		return d.Unlink(ctx, operators.Identity{Issuer: "i", Subject: "s"})
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
	office := open(t, memstore.New())
	mine := addAccount(t, office, access.NewAccount{})
	other := addAccount(t, office, access.NewAccount{})
	newDesk(t, office, "root", operators.RoleAdmin)
	desks := map[operators.Role]*Desk{
		operators.RoleViewer:   newDesk(t, office, "vera", operators.RoleViewer, mine.AppID),
		operators.RoleOperator: newDesk(t, office, "olga", operators.RoleOperator, mine.AppID),
		operators.RoleAdmin:    newDesk(t, office, "adam", operators.RoleAdmin),
	}
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		a := actions[name]
		for role, d := range desks {
			err := a.try(t.Context(), d, mine.AppID)
			refused := errors.Is(err, errRole)
			if want := a.role != "" && !role.AtLeast(a.role); refused != want {
				t.Errorf("%s by a %s: %v", name, role, err)
			}
			if !a.account || role == operators.RoleAdmin || !role.AtLeast(a.role) {
				continue
			}
			for _, app := range []mpblock.AppID{other.AppID, "wx0000000000000000", "../"} {
				wantRefusal(t, a.try(t.Context(), d, app), "there is no account")
			}
		}
	}
	forced := withoutFactor(t, office)
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		a := actions[name]
		err := a.try(t.Context(), forced, mine.AppID)
		if refused := errors.Is(err, errEnrol); refused != (a.role != "") {
			t.Errorf("%s without the second factor that is required: %v", name, err)
		}
	}
}

// withoutFactor has a second factor required, and returns the desk of an admin who has
// none.
func withoutFactor(t *testing.T, office *Office) *Desk {
	t.Helper()
	d := newDesk(t, office, "anna", operators.RoleAdmin)
	f, err := d.NewSecondFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(f.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.ConfirmSecondFactor(t.Context(), code)
	if err := errors.Join(err, d.SetRequireSecondFactor(t.Context(), true)); err != nil {
		t.Fatal(err)
	}
	return newDesk(t, office, "bert", operators.RoleAdmin)
}

func TestAccountsOfAnOperator(t *testing.T) {
	office := open(t, memstore.New())
	apps := []mpblock.AppID{"wx0000000000000001", "wx0000000000000002", "wx0000000000000003"}
	for _, app := range apps {
		addAccount(t, office, access.NewAccount{AppID: app, Name: string(app[17:])})
	}
	d := newDesk(t, office, "olga", operators.RoleOperator, apps[2], apps[0], "wx000000000000000f")
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
	if got := seen(newDesk(t, office, "adam", operators.RoleAdmin), "", 10); got != "123" {
		t.Errorf("an admin sees %q, want 123", got)
	}
}

func TestSetAccount(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "adam", operators.RoleAdmin)
	a, secret, err := d.AddAccount(t.Context(), access.NewAccount{Name: "new"})
	if err != nil || len(secret) != 32 {
		t.Fatalf("%+v, %v", a, err)
	}
	_, err = access.ParseNetwork(" 192.0.2.7")
	wantRefusal(t, err, `" 192.0.2.7" is no address`)
	network, err := access.ParseNetwork("192.0.2.7/24")
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
	if acc, _ := office.access.Account(t.Context(), a.AppID); err != nil || !acc.SecretHash.Matches(next) || acc.SecretHash.Matches(secret) {
		t.Errorf("the secret was not rotated: %v", err)
	}
}

func TestReasonsOfAnAccount(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "adam", operators.RoleAdmin)
	a, _, err := d.AddAccount(t.Context(), access.NewAccount{AnyFollower: true})
	if err != nil {
		t.Fatal(err)
	}
	id := mpblock.Mint(a.Prefix, mpblock.Key{}, "1").String()
	if _, err := d.Block(t.Context(), a.AppID, []string{id}, "typed", time.Time{}); err != nil {
		t.Fatal(err)
	}
	set := AccountSettings{AnyFollower: true, Reasons: []string{" spam ", "", "fraud", "spam"}, ReasonRequired: true}
	if _, err := d.SetAccount(t.Context(), a.AppID, set); err != nil {
		t.Fatal(err)
	}
	got, err := d.Reasons(t.Context(), a.AppID, 10)
	if err != nil || !reflect.DeepEqual(got, Reasons{Kept: []string{"spam", "fraud"}, Earlier: []string{"typed"}, Required: true}) {
		t.Errorf("reasons are %+v, %v", got, err)
	}
	_, err = d.Block(t.Context(), a.AppID, []string{id}, "  ", time.Time{})
	wantRefusal(t, err, "asks for a reason")
	if _, err := d.Unblock(t.Context(), a.AppID, []string{id}, ""); err != nil {
		t.Errorf("unblocking takes no reason: %v", err)
	}
	job, err := d.DraftJob(t.Context(), a.AppID, mpblock.Block, listOf(id))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.StartJob(t.Context(), a.AppID, job.ID, "", time.Time{})
	wantRefusal(t, err, "asks for a reason")
	if _, err := d.StartJob(t.Context(), a.AppID, job.ID, "spam", time.Time{}); err != nil {
		t.Error(err)
	}
	_, err = d.SetAccount(t.Context(), a.AppID, AccountSettings{Reasons: []string{"two\nlines"}})
	wantRefusal(t, err, "in one line")
	_, err = d.SetAccount(t.Context(), a.AppID, AccountSettings{Reasons: strings.Split(strings.Repeat("x\n", 40)+"abcdefghijklmnopqrstuvwxyz0123456789", "")})
	wantRefusal(t, err, "want at most 30")
}

func TestRetiredAccount(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "adam", operators.RoleAdmin)
	a, secret, err := d.AddAccount(t.Context(), access.NewAccount{AnyFollower: true})
	if err != nil {
		t.Fatal(err)
	}
	ids := []mpblock.OpenID{mpblock.Mint(a.Prefix, mpblock.Key{}, "1")}
	if _, err := d.Block(t.Context(), a.AppID, []string{ids[0].String()}, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	ask := access.Credentials{GrantType: "client_credential", AppID: string(a.AppID), Secret: secret}
	token, err := office.access.Token(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.RetireAccount(t.Context(), a.AppID, true); err != nil {
		t.Fatal(err)
	}
	of, _ := office.access.Account(t.Context(), a.AppID)
	_, byToken := office.access.Authorize(t.Context(), token.Value, mpblock.CallList, netip.Addr{})
	_, newToken := office.access.StableToken(t.Context(), ask, false)
	_, block := d.Block(t.Context(), a.AppID, []string{ids[0].String()}, "", time.Time{})
	_, draft := d.DraftJob(t.Context(), a.AppID, mpblock.Block, listOf(ids[0].String()))
	_, apply := office.lists.Apply(t.Context(), of, mpblock.Batch{Action: mpblock.Unblock, OpenIDs: ids, Actor: "x"})
	_, follow := office.lists.AddFollowers(t.Context(), of, ids)
	_, list := d.DraftFollowers(t.Context(), a.AppID, true, listOf(ids[0].String()))
	_, leave := office.lists.RemoveFollowers(t.Context(), of, ids)
	_, prefix := d.SetPrefix(t.Context(), a.AppID, ids[0])
	for what, err := range map[string]error{
		"a token": newToken, "a call": byToken, "a block": block, "a job": draft, "a change": apply, "followers": follow,
		"a list": list, "leaving": leave, "a prefix": prefix,
		"minting":  office.lists.MintFollowers(t.Context(), of, 1, nil),
		"a remark": office.remarks.Set(t.Context(), of, "x", ids[0], "a", "b"),
		"remarks":  office.remarks.Import(t.Context(), of, "x", nil),
	} {
		if !errors.Is(err, mpblock.ErrRetired) {
			t.Errorf("%s of a retired account: %v", what, err)
		}
	}
	if page, err := d.Blacklist(t.Context(), a.AppID, lists.EntryQuery{Limit: 10}); err != nil || len(page.Rows) != 1 {
		t.Errorf("its blacklist reads %+v, %v", page, err)
	}
	if err := d.RetireAccount(t.Context(), a.AppID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := office.access.Authorize(t.Context(), token.Value, mpblock.CallList, netip.Addr{}); err != nil {
		t.Errorf("in use again: %v", err)
	}
}

// An account is removed by who types its AppID, once it is retired.
func TestRemoveAccount(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "adam", operators.RoleAdmin)
	a := addAccount(t, office, access.NewAccount{})
	wantRefusal(t, d.RemoveAccount(t.Context(), a.AppID, string(a.AppID)), "retire it first")
	if err := d.RetireAccount(t.Context(), a.AppID, true); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, d.RemoveAccount(t.Context(), a.AppID, "wx0"), `"wx0" was typed: to remove the account, type its AppID`)
	if _, err := d.Account(t.Context(), a.AppID); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveAccount(t.Context(), a.AppID, " "+string(a.AppID)+"\n"); err != nil {
		t.Fatal(err)
	}
	_, err := d.Account(t.Context(), a.AppID)
	wantRefusal(t, err, "there is no account")
	wantRefusal(t, d.RetireAccount(t.Context(), a.AppID, false), "there is no account")
	if all, err := d.Accounts(t.Context(), "", 10); err != nil || len(all) > 0 {
		t.Errorf("listed %v, %v", all, err)
	}
	lines, err := d.Audit(t.Context(), "", 10)
	if err != nil || len(lines) != 2 || lines[0].Deed != audit.AccountGone || lines[0].On != string(a.AppID) || lines[0].By != "console:adam" {
		t.Errorf("lines %+v, %v", lines, err)
	}
}

// An account takes the prefix of a real OpenID as long as it has none of its own.
func TestSetPrefix(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "adam", operators.RoleAdmin)
	mine, other := addAccount(t, office, access.NewAccount{}), addAccount(t, office, access.NewAccount{})
	of := func(p mpblock.Prefix) mpblock.OpenID { return mpblock.Mint(p, mpblock.Key{}, "someone") }
	_, err := d.SetPrefix(t.Context(), mine.AppID, of(other.Prefix))
	wantRefusal(t, err, "is that of account "+string(other.AppID))
	free := mpblock.Prefix{7, 7, 7, 7}
	a, err := d.SetPrefix(t.Context(), mine.AppID, of(free))
	if err != nil || a.Prefix != free {
		t.Fatalf("prefix %s, %v", a.Prefix, err)
	}
	if holder, err := office.access.Holder(t.Context(), free); err != nil || holder.AppID != mine.AppID {
		t.Errorf("it is that of %+v, %v", holder, err)
	}
	if _, err := office.access.Holder(t.Context(), mine.Prefix); !errors.Is(err, access.ErrNoAccount) {
		t.Errorf("the old one is still held: %v", err)
	}
	if _, err := d.SetPrefix(t.Context(), other.AppID, of(mine.Prefix)); err != nil {
		t.Errorf("another account does not get the old one: %v", err)
	}
	if err := d.MintFollowers(t.Context(), mine.AppID, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.SetPrefix(t.Context(), mine.AppID, of(free)); err != nil {
		t.Errorf("the one that it has: %v", err)
	}
	_, err = d.SetPrefix(t.Context(), mine.AppID, of(mpblock.Prefix{8}))
	wantRefusal(t, err, "has followers or changes already")
}

func TestAudit(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "adam", operators.RoleAdmin)
	a, _, err := d.AddAccount(t.Context(), access.NewAccount{})
	if err != nil {
		t.Fatal(err)
	}
	set := AccountSettings{Name: "shop"}
	_, err1 := d.SetAccount(t.Context(), a.AppID, set)
	_, err2 := d.SetAccount(t.Context(), a.AppID, set) // nothing is another
	_, err3 := d.RotateSecret(t.Context(), a.AppID)
	_, err7 := d.AddProgram(t.Context(), a.AppID, "crm", programs.Scopes())
	_, err8 := d.RotateProgram(t.Context(), a.AppID, "crm")
	err9 := errors.Join(err7, err8, d.ScopeProgram(t.Context(), a.AppID, "crm", programs.Scopes()[:1]), d.RevokeProgram(t.Context(), a.AppID, "crm"))
	wantRefusal(t, d.RevokeProgram(t.Context(), a.AppID, "crm"), "was revoked") // and no line of it
	_, _, err4 := d.AddOperator(t.Context(), operators.NewOperator{Name: "olga", Role: operators.RoleViewer, Accounts: []mpblock.AppID{a.AppID}})
	_, err5 := d.UpdateOperator(t.Context(), operators.NewOperator{Name: "olga", Role: operators.RoleOperator})
	_, err6 := d.ResetOperator(t.Context(), "olga")
	if err := errors.Join(err1, err2, err3, err9, err4, err5, err6, d.DeleteOperator(t.Context(), "olga"), d.RetireAccount(t.Context(), a.AppID, true)); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, d.DeleteOperator(t.Context(), "olga"), "olga") // and no line of it
	lines, err := d.Audit(t.Context(), "", 20)
	var got []string
	for _, l := range lines {
		if l.By != "console:adam" || l.Time.IsZero() {
			t.Errorf("a line is %+v", l)
		}
		got = append(got, strings.TrimSpace(string(l.Deed)+" "+l.Was+" "+l.Now+strings.Join(l.Fields, ",")))
	}
	slices.Reverse(got)
	want := []string{
		"account.added", "account.set  name", "account.secret", "program.added  read,write,feed", "program.secret", "program.set  read", "program.gone", "operator.added  vieweraccounts", "operator.set viewer operatoraccounts", "operator.reset",
		"operator.gone", "account.retired",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q, %v", got, want, err)
	}
}

func TestAuditOfSecondFactors(t *testing.T) {
	office := open(t, memstore.New())
	d := newDesk(t, office, "olga", operators.RoleOperator)
	f, err := d.NewSecondFactor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCode(f.Secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := d.ConfirmSecondFactor(t.Context(), code)
	_, err2 := d.NewRecoveryCodes(t.Context(), password)
	if err := errors.Join(err1, err2, d.RemoveSecondFactor(t.Context(), password)); err != nil {
		t.Fatal(err)
	}
	lines, err := newDesk(t, office, "adam", operators.RoleAdmin).Audit(t.Context(), "", 10)
	if err != nil || len(lines) != 3 || lines[0].Deed != audit.FactorOff || lines[2].Deed != audit.FactorOn || lines[1].By != "console:olga" {
		t.Errorf("lines %+v, %v", lines, err)
	}
}
