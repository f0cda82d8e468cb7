package wire

import "fmt"

// The objects that the calls beside the blacklist want.
const (
	wantUsers      = `{"user_list":[{"openid":"..."}]}`
	wantRemark     = `{"openid":"...","remark":"..."}`
	wantMessage    = `{"touser":"...","msgtype":"text","text":{"content":"..."}}`
	wantQuota      = `{"cgi_path":"/cgi-bin/..."}`
	wantClearQuota = `{"appid":"..."}`
	wantRID        = `{"rid":"..."}`
)

// UsersRequest reads the body of user/info/batchget and returns its OpenIDs. A list that
// is null or absent is empty.
func UsersRequest(body []byte) (ids []string, err error) {
	const list = "user_list"
	err = object(body, wantUsers, func(key string, s *scanner) (bool, error) {
		if key != list {
			return false, nil
		}
		return true, s.array(list, "objects", func() error {
			at := fmt.Sprintf("%s[%d]", list, len(ids))
			if s.peek() != '{' {
				return s.wrongType(at, `an object like {"openid":"..."}`)
			}
			var id string
			err := s.fields(func(key string, s *scanner) (bool, error) {
				if key != "openid" {
					return false, nil
				}
				return true, s.stringOrNull(at+".openid", &id)
			})
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}

// Remark is the body of user/info/updateremark.
type Remark struct{ OpenID, Remark string }

// RemarkRequest reads the body of user/info/updateremark.
func RemarkRequest(body []byte) (r Remark, err error) {
	err = texts(body, wantRemark, map[string]*string{"openid": &r.OpenID, "remark": &r.Remark})
	return r, err
}

// MessageRequest reads the body of message/custom/send and returns who is to get the
// message. The message is not looked at: nobody gets it.
func MessageRequest(body []byte) (to string, err error) {
	err = texts(body, wantMessage, map[string]*string{"touser": &to})
	return to, err
}

// QuotaRequest reads the body of openapi/quota/get and returns the path of a call.
func QuotaRequest(body []byte) (path string, err error) {
	err = texts(body, wantQuota, map[string]*string{"cgi_path": &path})
	return path, err
}

// ClearQuotaRequest reads the body of clear_quota.
func ClearQuotaRequest(body []byte) (appID string, err error) {
	err = texts(body, wantClearQuota, map[string]*string{"appid": &appID})
	return appID, err
}

// RIDRequest reads the body of openapi/rid/get.
func RIDRequest(body []byte) (rid string, err error) {
	err = texts(body, wantRID, map[string]*string{"rid": &rid})
	return rid, err
}

// texts reads those fields of a body that are strings. What is absent or null is empty.
func texts(body []byte, want string, into map[string]*string) error {
	return object(body, want, func(key string, s *scanner) (bool, error) {
		field, known := into[key]
		if !known {
			return false, nil
		}
		return true, s.stringOrNull(key, field)
	})
}

// User is who user/info tells of.
type User struct {
	OpenID   string
	Follower bool
	Remark   string // of a follower
}

// stranger is all that is told of who does not follow.
type stranger struct {
	Subscribe int    `json:"subscribe"`
	OpenID    string `json:"openid"`
}

// follower has its fields in the platform's order. What the platform has not told since
// 2021, or mpblock does not know, is there and empty: programs look for the keys.
type follower struct {
	stranger

	Nickname       string `json:"nickname"`
	Sex            int    `json:"sex"`
	Language       string `json:"language"`
	City           string `json:"city"`
	Province       string `json:"province"`
	Country        string `json:"country"`
	HeadImgURL     string `json:"headimgurl"`
	SubscribeTime  int64  `json:"subscribe_time"`
	Remark         string `json:"remark"`
	GroupID        int    `json:"groupid"`
	TagIDs         []int  `json:"tagid_list"`
	SubscribeScene string `json:"subscribe_scene"`
	QRScene        int    `json:"qr_scene"`
	QRSceneStr     string `json:"qr_scene_str"`
}

func (u User) answer() any {
	if !u.Follower {
		return stranger{0, u.OpenID}
	}
	return follower{stranger: stranger{1, u.OpenID}, Remark: u.Remark, TagIDs: []int{}, SubscribeScene: "ADD_SCENE_OTHERS"}
}

// AppendUser appends the answer of user/info.
func AppendUser(b []byte, u User) []byte { return appendJSON(b, u.answer()) }

// AppendUsers appends the answer of user/info/batchget.
func AppendUsers(b []byte, users []User) []byte {
	list := make([]any, len(users))
	for i, u := range users {
		list[i] = u.answer()
	}
	return appendJSON(b, map[string]any{"user_info_list": list})
}

// ok is the head of an answer that has more to tell.
type ok struct {
	Code int    `json:"errcode"`
	Text string `json:"errmsg"`
}

var well = ok{Text: "ok"}

// Quota is the answer of openapi/quota/get.
type Quota struct {
	ok

	Day    DayQuota   `json:"quota"`
	Minute *RateLimit `json:"rate_limit,omitempty"` // nil: there is no limit
}

// DayQuota is how often a call may be made on a day, and how often it was.
type DayQuota struct {
	Limit  int `json:"daily_limit"`
	Used   int `json:"used"`
	Remain int `json:"remain"`
}

// RateLimit is how often a call may be made in so many seconds.
type RateLimit struct {
	Calls   int `json:"call_count"`
	Seconds int `json:"refresh_second"`
}

// AppendQuota appends the answer of openapi/quota/get.
func AppendQuota(b []byte, q Quota) []byte {
	q.ok = well
	return appendJSON(b, q)
}

// Request is an earlier call, as openapi/rid/get tells of it.
type Request struct {
	InvokeTime int64  `json:"invoke_time"` // in seconds
	Cost       int64  `json:"cost_in_ms"`
	URL        string `json:"request_url"`
	Body       string `json:"request_body"`
	Answer     string `json:"response_body"`
	ClientIP   string `json:"client_ip"`
}

// AppendRequest appends the answer of openapi/rid/get.
func AppendRequest(b []byte, r Request) []byte {
	return appendJSON(b, struct {
		ok

		Request Request `json:"request"`
	}{well, r})
}
