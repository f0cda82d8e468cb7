package server

import (
	"mpblock/internal/operators"
	"mpblock/internal/remarks"
)

// demoText is what somebody who works with the demo has written, in one language: what
// an operator writes is not translated.
type demoText struct {
	reasons []string
	back    string // why somebody was unblocked
	job     string // why a job has blocked
	people  []remarks.Remark
}

var demoWords = map[string]demoText{
	DemoEnglish: {
		reasons: []string{"advertising", "flooding", "abusive messages", "fake account", "scam links", "bought followers"},
		back:    "appeal accepted", job: "list of the fraud team",
		people: []remarks.Remark{
			{Name: "Night Owl", Remark: "sells followers in comments"}, {Name: "Best Deals 24", Remark: "third warning in May"},
			{Name: "Anna", Remark: "pretends to be support"}, {Remark: "spread scam links"},
			{Name: "Old Friend", Remark: "regular, writes every week"}, {Name: "Tea House", Remark: "partner: do not block"}, {Remark: "asked for an invoice"},
		},
	},
	DemoChinese: {
		reasons: []string{"广告", "刷屏", "辱骂", "仿冒账号", "诈骗链接", "买粉"},
		back:    "申诉通过", job: "风控名单",
		people: []remarks.Remark{
			{Name: "夜猫子", Remark: "评论区卖粉"}, {Name: "天天特价", Remark: "五月第三次警告"},
			{Name: "小安", Remark: "冒充客服"}, {Remark: "散布诈骗链接"},
			{Name: "老朋友", Remark: "每周都留言"}, {Name: "茶舍", Remark: "合作方，勿拉黑"}, {Remark: "索要过发票"},
		},
	},
}

// Who works with the demo.
const (
	demoSelf = operators.DemoOperator
	demoLin  = "lin"
	demoMaya = "maya"
)

// demoByJob is how many users the demo's job blocks, the last of all.
const demoByJob = 600

// What is done in the past of the demo. Who is blocked by a slip is unblocked next.
type demoDeed int

const (
	blocks demoDeed = iota
	slipped
	back
)

// none is the reason that calls of the API have.
const none = -1

// demoPast is what was done before the demo began, the oldest first: so many days ago,
// what, to how many, by whom, for which reason. Blocks and the job add up to DemoBlocked.
var demoPast = []struct {
	ago  int
	what demoDeed
	n    int
	who  string
	why  int
}{
	{87, blocks, 921, demoMaya, 0}, {84, blocks, 9, "", none}, {80, blocks, 671, demoSelf, 3},
	{79, blocks, 18, "", none}, {77, blocks, 3, "", none}, {73, blocks, 439, demoMaya, 3},
	{72, blocks, 671, demoMaya, 0}, {69, blocks, 625, demoSelf, 0}, {66, blocks, 13, "", none},
	{65, blocks, 601, demoSelf, 0}, {62, blocks, 154, demoLin, 0}, {58, blocks, 137, demoLin, 0},
	{57, blocks, 12, "", none}, {53, blocks, 955, demoSelf, 1}, {52, blocks, 39, demoMaya, 3},
	{51, blocks, 95, demoSelf, 2}, {48, blocks, 157, demoSelf, 3}, {46, slipped, 12, demoMaya, 1},
	{45, blocks, 15, "", none}, {44, blocks, 896, demoLin, 4}, {43, blocks, 562, demoLin, 4},
	{40, blocks, 604, demoMaya, 4}, {38, blocks, 663, demoMaya, 5}, {37, blocks, 940, demoLin, 0},
	{36, back, 12, demoLin, 0}, {35, blocks, 250, demoLin, 5}, {33, blocks, 247, demoSelf, 5},
	{32, blocks, 17, "", none}, {31, blocks, 973, demoSelf, 0}, {30, blocks, 476, demoSelf, 1},
	{28, blocks, 577, demoLin, 0}, {27, blocks, 396, demoSelf, 4}, {26, blocks, 962, demoMaya, 0},
	{24, blocks, 976, demoMaya, 1}, {23, slipped, 30, demoLin, 1}, {23, blocks, 95, demoSelf, 0},
	{22, blocks, 851, demoSelf, 4}, {21, back, 30, demoMaya, 0}, {20, blocks, 35, demoSelf, 4},
	{19, blocks, 977, demoSelf, 1}, {17, blocks, 128, demoLin, 0}, {16, blocks, 565, demoSelf, 2},
	{15, blocks, 607, demoLin, 1}, {13, blocks, 13, "", none}, {12, blocks, 609, demoSelf, 0},
	{11, slipped, 8, demoSelf, 1}, {10, blocks, 309, demoLin, 1}, {9, blocks, 443, demoLin, 5},
	{8, blocks, 850, demoLin, 0}, {7, back, 8, demoMaya, 0}, {6, blocks, 905, demoLin, 2},
	{5, blocks, 961, demoLin, 4}, {4, blocks, 479, demoSelf, 4}, {3, blocks, 406, demoLin, 1},
	{2, blocks, 12, "", none}, {1, slipped, 5, demoLin, 1}, {1, blocks, 64, demoSelf, 2},
	{0, blocks, 17, "", none}, {0, back, 5, demoMaya, 0},
}
