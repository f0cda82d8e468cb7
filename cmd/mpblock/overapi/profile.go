package overapi

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"mpblock/cmd/mpblock/ui"
)

// A profile is what a user says about a server once, and not with each command. Flags
// and the environment go before it.

// profile is one entry of the file of profiles.
type profile struct {
	Server     string `yaml:"server"`
	AppID      string `yaml:"appid"`
	SecretFile string `yaml:"secret-file"` // relative to the file of profiles; ~/ is the home directory
	TokenFile  string `yaml:"token-file"`
	PlainToken string `yaml:"plain-token"`
	Pace       string `yaml:"pace"`
}

type profiles struct {
	Default  string             `yaml:"default"`
	Profiles map[string]profile `yaml:"profiles"`
}

// profileFile is where the profiles are.
func profileFile() string {
	if name := os.Getenv("MPBLOCK_PROFILES"); name != "" {
		return name
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "mpblock", "profiles.yaml")
}

// chosen returns the profile that a command goes by: the one that is named, else the
// default one. Without either there is none.
func chosen(name string) (p profile, err error) {
	file := profileFile()
	if file == "" && name == "" {
		return p, nil
	}
	b, err := os.ReadFile(file) //nolint:gosec // a file of the user
	if errors.Is(err, fs.ErrNotExist) && name == "" && os.Getenv("MPBLOCK_PROFILES") == "" {
		return p, nil
	}
	if err != nil {
		return p, ui.Failed(ui.CodeUsage, "", "the profiles: %w", err)
	}
	var all profiles
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.DisallowUnknownField()).Decode(&all); err != nil {
		return p, explainProfiles(file, err)
	}
	if name == "" {
		name = all.Default
	}
	if name == "" {
		return p, nil
	}
	p, ok := all.Profiles[name]
	if !ok {
		names := slices.Sorted(maps.Keys(all.Profiles))
		return p, ui.Failed(ui.CodeUsage, meant("--profile ", name, names), "there is no profile %q in %s, it has: %s", name, file, strings.Join(names, ", "))
	}
	p.SecretFile, p.TokenFile = beside(file, p.SecretFile), beside(file, p.TokenFile)
	return p, nil
}

// profileKeys are those of a profile, and of the file.
var profileKeys = []string{"appid", "default", "pace", "plain-token", "profiles", "secret-file", "server", "token-file"}

// explainProfiles says which line and key of the file of profiles is wrong, in its words
// and not in those of Go.
func explainProfiles(file string, err error) error {
	what := yaml.FormatError(err, false, false)
	var place yaml.Error
	if !errors.As(err, &place) || place.GetToken() == nil {
		return ui.Failed(ui.CodeUsage, "", "the profiles in %s: %s", file, what)
	}
	line, hint := place.GetToken().Position.Line, ""
	key := keyIn(file, line)
	var unknown *yaml.UnknownFieldError
	var kind *yaml.TypeError
	var shape *yaml.UnexpectedNodeTypeError
	switch {
	case errors.As(err, &unknown):
		what, hint = fmt.Sprintf("there is no key %q", key), meant("", key, profileKeys)
	case errors.As(err, &kind), errors.As(err, &shape):
		what = fmt.Sprintf("%q has a value of the wrong form, want key: text in each profile, and the profiles by their names under profiles:", key)
	default:
		what = place.GetMessage()
	}
	return ui.Failed(ui.CodeUsage, hint, "the profiles in %s: line %d: %s", file, line, what)
}

// keyIn returns the key that stands on a line of a file.
func keyIn(file string, line int) string {
	b, err := os.ReadFile(file) //nolint:gosec // a file of the user
	all := strings.Split(string(b), "\n")
	if err != nil || line < 1 || line > len(all) {
		return ""
	}
	key, _, _ := strings.Cut(strings.TrimLeft(all[line-1], " -{"), ":")
	return key
}

// meant asks about the word that is nearest to one that is none of some; "" if none is
// near.
func meant(before, word string, some []string) string {
	for _, s := range some {
		if near(word, s) {
			return "did you mean " + before + s + "?"
		}
	}
	return ""
}

// near tells whether words differ by at most two letters that are wrong, missing or too
// many, and are longer than that.
func near(a, b string) bool {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)] <= 2 && len(a) > 2
}

// beside returns the path of a file that is named in another.
func beside(file, name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(file), name)
}

// profileFlag chooses a profile.
type profileFlag struct {
	Profile string `help:"Profile that says server, AppID and secret; by itself the default one of ~/.config/mpblock/profiles.yaml." env:"MPBLOCK_PROFILE" placeholder:"NAME" predictor:"profile"`
}

// ProfileResolver gives the flags of a command that has --profile what neither the
// command line nor the environment says. An error is of no flag, so it is kept.
type ProfileResolver struct{ Err error }

// Validate implements kong.Resolver.
func (*ProfileResolver) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (r *ProfileResolver) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name, has := profileOf(ctx)
	said := func(env string) bool { return os.Getenv(env) != "" }
	if !has || slices.ContainsFunc(flag.Envs, said) || flag.Name == "secret-file" && said("MPBLOCK_SECRET") {
		return nil, nil //nolint:nilnil // what kong takes for none
	}
	p, err := chosen(name)
	if err != nil {
		r.Err = err
	}
	value := map[string]string{
		"server": p.Server, "appid": p.AppID, "secret-file": p.SecretFile, "token-file": p.TokenFile,
		"plain-token": p.PlainToken, "pace": p.Pace,
	}[flag.Name]
	if value == "" {
		return nil, nil //nolint:nilnil // likewise
	}
	return value, nil
}

// profileOf returns what --profile says, and whether the command has that flag.
func profileOf(ctx *kong.Context) (name string, has bool) {
	for _, flag := range ctx.Flags() {
		if flag.Name == "profile" {
			return fmt.Sprint(ctx.FlagValue(flag)), true
		}
	}
	return "", false
}
