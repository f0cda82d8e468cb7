package settings

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/operators"
)

// keyEnrol is where the session keeps operators.SecondFactor.URL until it is confirmed.
const keyEnrol = "enrol"

// mePage is what operators set for themselves.
type mePage struct {
	web.Frame
	Role         string
	HasPassword  bool
	Shortest     int
	SecondFactor bool
	Enrol        *enrolment
	Provider     string // of OpenID Connect, "" if there is none
	Identities   []operators.Identity
	RowChoices   []int
	Rows         int      // of a page of a list
	Recovery     int      // codes that are left
	Codes        []string // recovery codes, shown this once
	Logins       []loginRow
	Others       bool // there are logins beside the present one
}

// loginRow is where an operator is in.
type loginRow struct {
	ID, Where, Agent, Address string
	Own                       bool
	Began, Seen               i18n.Stamp
}

// keyCodes is where the session keeps recovery codes, which the page shows once.
const keyCodes = "recovery"

// enrolment is a second factor that is being set up.
type enrolment struct {
	Size int    // of the QR code with its margin, in modules
	Path string // of its dark modules
	Key  string
}

func (c *Pages) me(v *visit) error { return v.me(http.StatusOK) }

func (v *visit) me(status int) error {
	o := v.Desk.Operator()
	p := &mePage{Role: v.role(o.Role), HasPassword: o.HasPassword, Shortest: operators.MinPassword, SecondFactor: o.SecondFactor, Identities: o.Identities, Recovery: o.Recovery, RowChoices: operators.PageRows(), Rows: v.Rows()}
	p.Codes = strings.Fields(v.Once(keyCodes))
	if err := v.logins(p); err != nil {
		return err
	}
	if v.c.Provider != "" {
		p.Provider = v.c.Provider
	}
	if address := v.Kept(keyEnrol); address != "" && !o.SecondFactor {
		var err error
		if p.Enrol, err = enrolmentOf(address); err != nil {
			return err
		}
	}
	return v.Page(status, "me", v.Say(msg("nav.me")), p)
}

// logins lists where the operator is in.
func (v *visit) logins(p *mePage) error {
	all, own, err := v.Desk.Logins(v.Ctx())
	for _, l := range all {
		row := loginRow{
			ID: l.ID, Where: browserOf(l.Agent), Agent: l.Agent, Own: l.ID == own,
			Began: i18n.StampOf(l.Began, v.Zone), Seen: i18n.StampOf(l.Seen, v.Zone),
		}
		if l.Addr.IsValid() {
			row.Address = l.Addr.String()
		}
		if row.Where == "" {
			row.Where = v.Say(msg("me.login.unknown"))
		}
		p.Others = p.Others || !row.Own
		p.Logins = append(p.Logins, row)
	}
	return err
}

// browserOf says in short what calls itself so: the browser and where it runs.
func browserOf(agent string) string {
	var parts []string
	for _, among := range [][][2]string{
		{{"MicroMessenger", "WeChat"}, {"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}},
		{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}},
	} {
		for _, known := range among {
			if strings.Contains(agent, known[0]) {
				parts = append(parts, known[1])
				break
			}
		}
	}
	return strings.Join(parts, " · ")
}

// endLogin ends one of the operator's own logins.
func (c *Pages) endLogin(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := v.Desk.EndLogin(v.Ctx(), v.Field("id")); err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("me.login.ended")))
	return v.See("/me#logins")
}

// endOthers ends all logins of the operator's but the present one.
func (c *Pages) endOthers(v *visit) error {
	s, err := v.Desk.EndOthers(v.Ctx())
	if err != nil {
		return err
	}
	v.Tell("good", v.Say(msg("me.login.others.done")))
	return v.Enter(s, "/me#logins")
}

// newCodes makes recovery codes, which the page shows once.
func (c *Pages) newCodes(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	codes, err := v.Desk.NewRecoveryCodes(v.Ctx(), v.R.PostForm.Get("password"))
	if err != nil {
		return v.Again(err, v.me)
	}
	v.Keep(keyCodes, strings.Join(codes, " "))
	return v.See("/me#recovery")
}

// margin is the quiet zone around a QR code, in modules.
const margin = 4

// enrolmentOf draws the QR code of an otpauth address.
func enrolmentOf(address string) (*enrolment, error) {
	code, err := qr.Encode(address, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("console: draw the QR code: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("console: read the address of the second factor: %w", err)
	}
	var path strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+margin, y+margin)
			}
		}
	}
	return &enrolment{Size: size + 2*margin, Path: path.String(), Key: u.Query().Get("secret")}, nil
}

// language switches the language, of the operator if there is one.
func (c *Pages) language(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	chosen := i18n.Lang(v.Field("lang"))
	if chosen != i18n.Chinese && chosen != i18n.English {
		return web.ErrMissing
	}
	v.KeepLang(chosen)
	if v.Sit() == nil {
		if err := v.Desk.SetLanguage(v.Ctx(), chosen.Short()); err != nil {
			return err
		}
	}
	return v.See(web.Local(v.Field("back"), "/"))
}

// setRows sets how many rows a page of a list has.
func (c *Pages) setRows(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	rows, _ := strconv.Atoi(v.Field("rows")) // what is no number is refused as 0
	if err := v.Desk.SetRows(v.Ctx(), rows); err != nil {
		return v.Again(err, v.me)
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See("/me")
}

// setLanguage is language, from the page of what is the operator's own.
func (c *Pages) setLanguage(v *visit) error { return c.language(v) }

func (c *Pages) setPassword(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	password, err := v.Passwords("new")
	var s operators.Session
	if err == nil {
		s, err = v.Desk.ChangePassword(v.Ctx(), v.R.PostForm.Get("old"), password)
	}
	if err != nil {
		return v.Again(err, v.me)
	}
	v.Tell("good", v.Say(msg("me.password.done")))
	return v.Enter(s, "/me")
}

func (c *Pages) newSecond(v *visit) error {
	second, err := v.Desk.NewSecondFactor(v.Ctx())
	if err != nil {
		return v.Again(err, v.me)
	}
	v.Keep(keyEnrol, second.URL)
	return v.See("/me#second-factor")
}

func (c *Pages) confirmSecond(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	codes, err := v.Desk.ConfirmSecondFactor(v.Ctx(), v.Field("code"))
	if err != nil {
		return v.Again(err, v.me)
	}
	v.Forget(keyEnrol)
	v.Keep(keyCodes, strings.Join(codes, " "))
	v.Tell("good", v.Say(msg("me.second.done")))
	return v.See("/me")
}

func (c *Pages) removeSecond(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := v.Desk.RemoveSecondFactor(v.Ctx(), v.R.PostForm.Get("password")); err != nil {
		return v.Again(err, v.me)
	}
	v.Tell("good", v.Say(msg("me.second.gone")))
	return v.See("/me")
}

// unlink removes the operator's link to an identity at a provider.
func (c *Pages) unlink(v *visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	err := v.Desk.Unlink(v.Ctx(), operators.Identity{Issuer: v.Field("issuer"), Subject: v.Field("subject")})
	if err != nil {
		return v.Again(err, v.me)
	}
	v.Tell("good", v.Say(msg("saved")))
	return v.See("/me")
}
