package overapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"mpblock/cmd/mpblock/ui"
	"mpblock/native"
)

type watchCmd struct {
	remote
	After string `help:"Revision after which to begin, 0 for the first change, now for what comes next. The place in --place goes before it." default:"now" placeholder:"REVISION"`
	Place string `help:"File that keeps how far the changes were printed, so that the next watch goes on from there." placeholder:"FILE"`
	JSON  bool   `help:"Print each change as JSON, one a line."`
}

// place is how far the changes of an account were printed, as its file has it.
type place struct {
	AppID    string `json:"appid"`
	Revision uint64 `json:"revision"`
}

// Run prints changes as they come, until SIGINT or SIGTERM.
func (c watchCmd) Run(ctx context.Context, t ui.Terminal) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	at, now, err := c.begin()
	if err != nil {
		return err
	}
	api, err := c.native(t)
	if err != nil {
		return err
	}
	head, err := api.Revision(ctx) // a wrong server or secret is told at once, not tried again and again
	if err != nil {
		return unlessEnded(ctx, explainNative(err, "watch"))
	}
	if now {
		at = head
	}
	if err := c.keep(at); err != nil {
		return err
	}
	for changes, err := range api.Watch(ctx, at) {
		if native.Gone(err) {
			return c.gone(at, err)
		}
		if err != nil {
			return explainNative(err, "watch")
		}
		if err := c.print(t, changes); err != nil {
			return err
		}
		at = changes[len(changes)-1].Revision
		if err := c.keep(at); err != nil {
			return err
		}
	}
	return nil // SIGINT or SIGTERM, which is how it ends
}

// unlessEnded returns an error, unless somebody has ended the command.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// begin returns where to begin: that of the file, else that of the flag.
func (c watchCmd) begin() (at uint64, now bool, err error) {
	if c.Place != "" {
		b, err := os.ReadFile(c.Place)
		if err == nil {
			at, err := c.parse(b)
			return at, false, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, false, ui.Failed(ui.CodeUsage, "", "--place: %w", err)
		}
	}
	if c.After == "now" {
		return 0, true, nil
	}
	if at, err = strconv.ParseUint(c.After, 10, 64); err != nil {
		return 0, false, ui.Failed(ui.CodeUsage, "mpblock watch --after 0", "--after %q: want a revision, as 42, or now", c.After)
	}
	return at, false, nil
}

func (c watchCmd) parse(b []byte) (uint64, error) {
	var p place
	switch err := json.Unmarshal(b, &p); {
	case err != nil || p.AppID == "":
		return 0, ui.Failed(ui.CodeUsage, "name another file, or remove this one to begin anew with --after", "%s: it holds no place of mpblock watch", c.Place)
	case p.AppID != c.AppID:
		return 0, ui.Failed(ui.CodeUsage, "each account has a file of its own", "%s: it holds the place of the account %s, and --appid says %s", c.Place, ui.Printable(p.AppID), c.AppID)
	}
	return p.Revision, nil
}

// keep writes the place, which is whole whatever ends the command meanwhile.
func (c watchCmd) keep(at uint64) (err error) {
	if c.Place == "" {
		return nil
	}
	defer func() {
		if err != nil {
			err = ui.Failed(ui.CodeFailed, "", "keep the place: %w", err)
		}
	}()
	b, err := json.Marshal(place{c.AppID, at})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.Place), filepath.Base(c.Place)+".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), c.Place)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// gone says what to do where nobody can go on after a revision.
func (c watchCmd) gone(at uint64, err error) error {
	var e *native.Error
	errors.As(err, &e)
	again := fmt.Sprintf("mpblock list reads the list; then mpblock watch --after %d", e.Begin)
	if c.Place != "" {
		again = fmt.Sprintf("mpblock list reads the list; then rm %s && mpblock watch --place %s --after %d", c.Place, c.Place, e.Begin)
	}
	return ui.Failed(ui.CodeFailed, again, "the changes after revision %d cannot be told any more, as after a restore from a backup: what is known of the list may be wrong (%w)", at, err)
}

// print prints changes at once: what is printed in part would be printed again.
func (c watchCmd) print(t ui.Terminal, changes []native.Change) error {
	var b bytes.Buffer
	for _, change := range changes {
		if c.JSON {
			if err := json.NewEncoder(&b).Encode(change); err != nil {
				return err
			}
			continue
		}
		for _, id := range change.OpenIDs {
			fmt.Fprintf(&b, "%d  %s  %-9s  %s  %s\n", change.Revision, ui.Local(change.Time), oneLine(change.Kind), oneLine(id), detail(change, id))
		}
	}
	_, err := t.Out.Write(b.Bytes())
	return err
}

// detail is what text says of a change beside who and what.
func detail(c native.Change, openID string) string {
	parts := []string{"by " + c.Actor}
	if end := c.End(openID); !end.IsZero() && (c.Kind == native.Blocked || c.Kind == native.Amended) {
		parts = append(parts, "until "+ui.Local(end))
	}
	if c.Undoes != 0 {
		parts = append(parts, fmt.Sprintf("takes back %d", c.Undoes))
	}
	if c.Reason != "" {
		parts = append(parts, c.Reason)
	}
	return oneLine(strings.Join(parts, ", "))
}

// oneLine returns a text of a server as one line of a terminal.
func oneLine(s string) string { return strings.ReplaceAll(ui.Printable(s), "\n", " ") }
