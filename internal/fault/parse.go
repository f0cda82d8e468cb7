package fault

import (
	"embed"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"mpblock/internal/strict"
)

// Limits of a plan, far beyond what one is written with.
const (
	MaxBytes = 1 << 20
	MaxRules = 1000
)

// Mistake is what is wrong with a plan.
type Mistake = strict.Mistake

// Text is what a Mistake says.
type Text = strict.Text

// Parse reads a plan in YAML or JSON. An error is a *Mistake: an unknown key is one.
func Parse(text []byte) (Plan, error) {
	if len(text) > MaxBytes {
		return Plan{}, &Mistake{What: strict.Say("the plan has more than %d bytes", MaxBytes)}
	}
	var p Plan
	if err := strict.Decode(text, &p); err != nil {
		return Plan{}, err
	}
	for _, f := range p.flaws() {
		return Plan{}, &Mistake{Line: strict.LineOf(text, f.at), What: f.what, Fix: f.fix}
	}
	return p, nil
}

// ParseRules is Parse for a plan that is to begin: one without rules is a mistake.
func ParseRules(text []byte) (Plan, error) {
	p, err := Parse(text)
	if err == nil && len(p.Rules) == 0 {
		err = &Mistake{What: strict.Say("the plan has no rules"), Fix: strict.Say("rules: [{name: busy, effect: {errcode: -1}}]")}
	}
	return p, err
}

// Check tells what is wrong with a plan that no text is of: a *Mistake without a line.
func (p Plan) Check() error {
	for _, f := range p.flaws() {
		return &Mistake{What: f.what, Fix: f.fix}
	}
	return nil
}

//go:embed plans/*.yaml
var readyMade embed.FS

// ReadyMade returns the text of a plan that comes with mpblock, and whether there is
// one of that name.
func ReadyMade(name string) ([]byte, bool) {
	text, err := readyMade.ReadFile(path.Join("plans", name+".yaml"))
	return text, err == nil
}

// ReadyMades returns the names of the plans that come with mpblock, in order.
func ReadyMades() []string {
	files, _ := fs.ReadDir(readyMade, "plans") // is embedded: it does not fail
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	return names
}

// Ready is a plan that comes with mpblock.
type Ready struct {
	Name string
	Plan Plan
}

// ReadyPlans returns the plans that come with mpblock, in order.
var ReadyPlans = sync.OnceValue(func() (all []Ready) {
	for _, name := range ReadyMades() {
		text, _ := ReadyMade(name)
		p, err := Parse(text)
		if err != nil {
			panic(err) // it is in the binary
		}
		all = append(all, Ready{name, p})
	}
	return all
})

// NameOf returns the name of a plan that comes with mpblock, "" for any other.
func NameOf(p Plan) string {
	for _, ready := range ReadyPlans() {
		if reflect.DeepEqual(ready.Plan, p) {
			return ready.Name
		}
	}
	return ""
}

// Texts returns which calls a rule strikes, and what happens to them, as a plan has it in
// one line.
func (r Rule) Texts() (strikes, effect string) {
	return flow(struct {
		Match       Match   `yaml:",inline"`
		Probability float64 `yaml:"probability,omitempty"`
		Window      Window  `yaml:"window,omitempty"`
	}{r.Match, r.Probability, r.Window}), flow(r.Effect)
}

func flow(v any) string {
	text, err := yaml.MarshalWithOptions(v, yaml.Flow(true))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(text)), "{"), "}")
}
