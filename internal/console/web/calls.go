package web

import (
	"fmt"

	"mpblock"
)

// SampleCalls returns calls of the API for a shell, to the account of the visit. They
// work as they are: who is blocked and unblocked is a follower who is not blocked. Where
// there is none, they say so instead.
func (v *Visit) SampleCalls(base, secret string) (string, error) {
	app := v.Account.AppID
	calls := fmt.Sprintf(`BASE=%s/cgi-bin
TOKEN=$(curl -s "$BASE/token?grant_type=client_credential&appid=%s&secret=%s" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s "$BASE/user/get?access_token=$TOKEN" | head -c 300; echo
curl -s "$BASE/tags/members/getblacklist?access_token=$TOKEN" -d '{"begin_openid":""}' | head -c 300; echo
`, base, app, secret)
	id, err := v.Desk.SampleFollower(v.Ctx(), app)
	switch {
	case err != nil:
		return "", err
	case id != mpblock.OpenID{}:
	case v.Account.AnyFollower:
		if id, err = mpblock.ParseOpenID(ExampleID(v.Account)); err != nil {
			return "", err
		}
	default:
		return calls + "# " + v.Say(msg("account.calls.nobody")) + "\n", nil
	}
	return calls + fmt.Sprintf(`curl -s "$BASE/tags/members/batchblacklist?access_token=$TOKEN" -d '{"openid_list":["%[1]s"]}'; echo
curl -s "$BASE/tags/members/batchunblacklist?access_token=$TOKEN" -d '{"openid_list":["%[1]s"]}'; echo
`, id), nil
}
