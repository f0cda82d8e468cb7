package fault

import "testing"

func TestReadyPlansHaveNames(t *testing.T) {
	t.Parallel()
	for _, ready := range ReadyPlans() {
		if got := NameOf(ready.Plan); got != ready.Name {
			t.Errorf("%s is taken for %q", ready.Name, got)
		}
	}
	p, err := ParseRules([]byte("rules: [{name: busy, effect: {errcode: -1}}]"))
	if got := NameOf(p); err != nil || got != "" {
		t.Errorf("a plan of somebody's own is taken for %q, %v", got, err)
	}
}

func TestPlanWithoutRulesDoesNotBegin(t *testing.T) {
	t.Parallel()
	if _, err := ParseRules([]byte("seed: 7")); err == nil {
		t.Error("it is taken")
	}
}

func TestTextsOfRules(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte(`rules:
- name: all
  effect: {errcode: -1}
- name: some
  match: {path: "*/getblacklist", every: 3}
  probability: 0.5
  window: {after: 30s, for: 20s}
  effect: {drift: {block: 1, unblock: 2}}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]string{
		{"", "errcode: -1"},
		{`path: "*/getblacklist", every: 3, probability: 0.5, window: {after: 30s, for: 20s}`, "drift: {block: 1, unblock: 2}"},
	} {
		if s, e := p.Rules[i].Texts(); s != want[0] || e != want[1] {
			t.Errorf("%q, %q; want %q", s, e, want)
		}
	}
}
