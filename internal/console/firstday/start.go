package firstday

import (
	"net/http"
	"net/netip"
	"strings"

	"mpblock/internal/console/web"
	"mpblock/internal/intake"
	"mpblock/internal/operators"
)

// startPage is the check list of an account's first day.
type startPage struct {
	web.Frame
	Done, Steps int
	Name        string
	Any         bool // there are no followers to register
	Count       int  // of followers
	Followers   bool // done; so are those that follow
	Called      bool
	Colleagues  bool
	Second      bool
	Safe        bool // TLS
	Here        bool // nobody else can listen: the browser is on the server's machine
	Calls       string
	MaxMint     int
	MayBegin    bool // the prefix can be set still
}

func (v visit) start() error { return Start(v.Visit) }

// Start shows the check list of an account's first day.
func Start(v *web.Visit) error {
	a := v.Account
	p := &startPage{
		Name: web.NameOf(a), Any: a.AnyFollower, Count: a.Followers, Followers: a.AnyFollower || a.Followers > 0,
		Second: v.Desk.Operator().SecondFactor, Safe: strings.HasPrefix(v.Public(), "https://"), MaxMint: intake.MaxMint,
		MayBegin: a.Followers+a.Blocked == 0,
	}
	p.Here = !p.Safe && (v.Remote() == netip.Addr{} || v.Remote().IsLoopback())
	o, err := v.Desk.Overview(v.Ctx(), a.AppID)
	if err != nil {
		return err
	}
	p.Called = len(o.Calls) > 0
	people, err := v.Desk.People(v.Ctx(), a.AppID)
	if err != nil {
		return err
	}
	p.Colleagues = len(people) > 1
	if v.Desk.May(operators.RoleAdmin) {
		if p.Calls, err = v.SampleCalls(v.Public(), "SECRET"); err != nil {
			return err
		}
	}
	steps := []bool{true, p.Followers, p.Called, p.Colleagues, p.Second, p.Safe}
	p.Steps = len(steps)
	for _, done := range steps {
		if done {
			p.Done++
		}
	}
	return v.Page(http.StatusOK, "start", v.Say(msg("start.title")), p)
}
