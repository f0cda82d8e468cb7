package fault

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"mpblock/internal/strict"
)

// Limits of a plan, far beyond what one is written with.
const (
	MaxBytes = 1 << 20
	MaxRules = 1000
)

// Mistake is what is wrong with a plan.
type Mistake = strict.Mistake

// Parse reads a plan in YAML or JSON. An error is a *Mistake: an unknown key is one.
func Parse(text []byte) (Plan, error) {
	if len(text) > MaxBytes {
		return Plan{}, &Mistake{What: fmt.Sprintf("the plan has more than %d bytes", MaxBytes)}
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
