package compat

import (
	"regexp"
	"strings"
	"testing"

	"github.com/silenceper/wechat/v2/cache"
	"github.com/silenceper/wechat/v2/domain/openapi"
	silenceper "github.com/silenceper/wechat/v2/officialaccount"
	"github.com/silenceper/wechat/v2/officialaccount/config"
	"github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/officialaccount/user"
	"github.com/silenceper/wechat/v2/util"
)

// TestSilencepersOtherCalls has a library make the calls that stand beside the blacklist:
// who a user is, remarks, messages, quotas, and what became of a call.
func TestSilencepersOtherCalls(t *testing.T) {
	base := start(t, []string{binary, "serve", "--demo", "--listen", "127.0.0.1:0", "--control-listen", "off", "--rid"}).Base
	util.SetURIModifier(func(uri string) string {
		return strings.Replace(uri, "https://api.weixin.qq.com", base, 1)
	})
	t.Cleanup(func() { util.SetURIModifier(func(uri string) string { return uri }) })
	account := silenceper.NewOfficialAccount(&config.Config{AppID: appID, AppSecret: secret, Cache: cache.NewMemory()})
	users := account.GetUser()
	followers, err := users.ListUserOpenIDs()
	must(t, err)
	list, err := users.GetBlackList()
	must(t, err)
	fan := followers.Data.OpenIDs[0]
	blocked := list.Data.OpenIDs[0]

	must(t, users.UpdateRemark(fan, "VIP 会员"))
	one, err := users.GetUserInfo(fan)
	must(t, err)
	if one.Subscribe != 1 || one.OpenID != fan || one.Remark != "VIP 会员" || one.Nickname != "" {
		t.Errorf("GetUserInfo: %+v", one)
	}
	many, err := users.BatchGetUserInfo(user.BatchGetUserInfoParams{UserList: []user.BatchGetUserListItem{{OpenID: fan, Lang: "zh_CN"}, {OpenID: blocked}}})
	must(t, err)
	if l := many.UserInfoList; len(l) != 2 || l[0].Remark != "VIP 会员" || l[1].OpenID != blocked || l[1].Subscribe != 1 {
		t.Errorf("BatchGetUserInfo: %+v", l)
	}
	if _, err := users.GetUserInfo(foreign); err == nil || !strings.Contains(err.Error(), "40003") {
		t.Errorf("another account's user: %v", err)
	}

	must(t, users.BatchUnBlackList(blocked))
	messages := account.GetCustomerMessageManager()
	must(t, messages.Send(message.NewCustomerTextMessage(blocked, "hello")))
	must(t, users.BatchBlackList(blocked))
	err = messages.Send(message.NewCustomerTextMessage(blocked, "hello"))
	if err == nil || !strings.Contains(err.Error(), "43019") || !strings.Contains(err.Error(), "require remove blacklist") {
		t.Fatalf("a message to who is blocked: %v", err)
	}

	calls := account.GetOpenAPI()
	rid := regexp.MustCompile(`rid: ([0-9a-f-]{26})`).FindStringSubmatch(err.Error())
	if rid == nil {
		t.Fatalf("no rid in %v", err)
	}
	earlier, err := calls.GetRidInfo(openapi.GetRidInfoParams{Rid: rid[1]})
	must(t, err)
	if r := earlier.Request; !strings.Contains(r.RequestBody, blocked) || !strings.Contains(r.ResponseBody, "43019") || r.ClientIP != "127.0.0.1" || !strings.HasSuffix(r.RequestURL, "access_token=***") {
		t.Errorf("GetRidInfo: %+v", r)
	}
	send := openapi.GetAPIQuotaParams{CgiPath: "/cgi-bin/message/custom/send"}
	q, err := calls.GetAPIQuota(send)
	must(t, err)
	if q.Quota.Used != 2 || q.Quota.Remain != q.Quota.DailyLimit-2 {
		t.Errorf("GetAPIQuota: %+v", q)
	}
	for range 10 {
		must(t, calls.ClearQuota())
	}
	if err := calls.ClearQuota(); err == nil || !strings.Contains(err.Error(), "48006") {
		t.Errorf("ClearQuota for the eleventh time: %v", err)
	}
	if q, err := calls.GetAPIQuota(send); err != nil || q.Quota.Used != 0 {
		t.Errorf("GetAPIQuota after ClearQuota: %+v, %v", q, err)
	}
}

// TestNPMsOtherCalls has co-wechat-api ask who users are, set a remark, and write to them.
func TestNPMsOtherCalls(t *testing.T) {
	s := serve(t)
	call := library{name: "co-wechat-api"}.run(t, nil, "BASE="+s.Base)
	type someone struct {
		Subscribe      int
		OpenID, Remark string
		Nickname       *string
	}
	var list struct{ Data struct{ OpenID []string } }
	must(t, call("list", "", &list))
	blocked := list.Data.OpenID[0]
	var ok struct{}
	must(t, call("remark", []string{blocked, "VIP"}, &ok))
	var one someone
	must(t, call("user", blocked, &one))
	if one.Subscribe != 1 || one.OpenID != blocked || one.Remark != "VIP" || one.Nickname == nil {
		t.Errorf("getUser: %+v", one)
	}
	var many struct {
		List []someone `json:"user_info_list"`
	}
	must(t, call("users", list.Data.OpenID[:100], &many))
	if len(many.List) != 100 || many.List[0].Remark != "VIP" || many.List[99].OpenID != list.Data.OpenID[99] {
		t.Errorf("batchGetUsers: %d", len(many.List))
	}
	if err := call("users", list.Data.OpenID[:101], &many); err == nil || !strings.Contains(err.Error(), "40032") {
		t.Errorf("101 users: %v", err)
	}
	if err := call("send", blocked, &ok); err == nil || !strings.HasPrefix(err.Error(), "WeChatAPIError 43019 require remove blacklist") {
		t.Errorf("a message to who is blocked: %v", err)
	}
	must(t, call("unblock", []string{blocked}, &ok))
	must(t, call("send", blocked, &ok))
}
