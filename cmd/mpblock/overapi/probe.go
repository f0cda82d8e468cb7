package overapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"mpblock/cmd/mpblock/ui"
	"mpblock/internal/wire/vectors"
)

type probeCmd struct {
	remote
	JSON bool `help:"Print JSON."`
}

// difference is an answer that mpblock would not give.
type difference struct {
	Vector string `json:"vector"`
	Want   string `json:"mpblock"`
	Got    string `json:"server"`
}

// foreignOpenID is the sample of the platform's documentation, of an account that
// is nobody's who runs a probe.
const foreignOpenID = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"

// Run asks a live server what changes nothing and prints where its answers differ.
func (c probeCmd) Run(ctx context.Context, t ui.Terminal) error {
	api, err := c.dial(t)
	if err != nil {
		return err
	}
	token, err := api.Token(ctx)
	if err != nil {
		return explainRemote(err)
	}
	words := map[string]string{
		"APPID": c.AppID, "TOKEN": token, "OTHER": foreignOpenID, "BIG": strings.Repeat(" ", 70_000), "NL": "\n",
		"FORGED": strings.Repeat("A", len(token)),
	}
	all, err := vectors.All()
	if err != nil {
		return err
	}
	differs := []difference{}
	asked := 0
	for _, v := range all {
		v, err := v.Expand(func(w string) (string, bool) { s, ok := words[w]; return s, ok })
		if err != nil || !harmless(v) {
			continue
		}
		asked++
		got, err := ask(ctx, c.Server, v)
		if err != nil {
			return explainRemote(fmt.Errorf("%s: %w", v.Name, err))
		}
		if !v.Matches(got) {
			differs = append(differs, difference{v.Name, v.Answer, strings.ReplaceAll(got, token, "TOKEN")})
		}
		if c.Pace > 0 {
			select {
			case <-time.After(c.Pace):
			case <-ctx.Done():
				return explainRemote(ctx.Err())
			}
		}
	}
	return c.report(t, asked, differs)
}

// harmless tells whether a vector needs no settings and, by its answer, changes
// nothing: it is refused. One that would issue a token is left out.
func harmless(v vectors.Vector) bool {
	return len(v.Settings) == 0 && strings.HasPrefix(v.Answer, `{"errcode":`) && !strings.HasPrefix(v.Answer, `{"errcode":0,`)
}

func ask(ctx context.Context, base string, v vectors.Vector) (string, error) {
	r, err := http.NewRequestWithContext(ctx, v.Method, strings.TrimSuffix(base, "/")+v.Path, strings.NewReader(v.Body))
	if err != nil {
		return "", err
	}
	res, err := http.DefaultTransport.RoundTrip(r) // without following redirects
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if res.StatusCode != http.StatusOK {
		return fmt.Sprintf("HTTP %s %.60s", res.Status, body), err
	}
	return string(body), err
}

func (c probeCmd) report(t ui.Terminal, asked int, differs []difference) error {
	if c.JSON {
		return t.JSON(differs)
	}
	for _, d := range differs {
		t.Printf("%s\n    mpblock  %s\n    server   %s\n", d.Vector, d.Want, ui.Printable(d.Got))
	}
	t.Printf("%s, %s answered otherwise\n", ui.Many(asked, "request"), ui.Grouped(len(differs)))
	return nil
}
