package sso

import "testing"

// A flow comes back from its text, and is that of its own state alone. What happens at
// a real provider is in test/oidc.
func TestFlow(t *testing.T) {
	f := Flow{State: "s", Nonce: "n", Verifier: "v", Next: "/me"}
	text, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := ReadFlow(text); !ok || got != f {
		t.Errorf("%+v came back as %+v", f, got)
	}
	for _, bad := range []string{"", "%", "e30", text[:8]} {
		if got, ok := ReadFlow(bad); ok {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
	if !f.Began("s") || f.Began("") || f.Began("t") {
		t.Error("a flow is known by its state alone")
	}
}
