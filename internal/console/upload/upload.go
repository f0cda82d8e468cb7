// Package upload takes in the inputs of a list that a form has: what was pasted, and a
// file. It promises that they take no memory while they come, and no place on the disk
// once they have been removed. What is in them it leaves to the package lines.
package upload

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"

	"mpblock/internal/console/i18n"
	"mpblock/internal/console/web"
	"mpblock/internal/lines"
)

// msg is the key of a message, by which the tests of i18n find it.
type msg = i18n.Msg

// Upload is what was pasted and the file of a form, each an input of a list: a
// jobs.Source. They lie in files without a place in any directory until the list has
// been read, so that it does not matter how slowly they come.
type Upload struct {
	parts  *multipart.Reader
	inputs []input
}

// MaxSize is how long a request with a list may be, in bytes.
const MaxSize = 128 << 20

// ErrForm is the error of a form that is not as the page has it.
var ErrForm = errors.New("console: a form that is not as the page has it")

// Of returns the upload of a request, which may last as long as a long list does.
func Of(v *web.Visit) (*Upload, error) {
	v.TakeLong()
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, MaxSize)
	parts, err := v.R.MultipartReader()
	if err != nil {
		return nil, Problem(v, ErrForm)
	}
	return &Upload{parts: parts}, nil
}

// First returns the first field of the form, which stands before the inputs.
func (u *Upload) First(name string) (string, error) {
	part, err := u.parts.NextPart()
	if err != nil || part.FormName() != name {
		return "", ErrForm
	}
	text, err := io.ReadAll(io.LimitReader(part, 16))
	return string(text), err
}

// Problem turns what can be wrong with the coming in of a list into words; other errors
// it returns as they are.
func Problem(v *web.Visit, err error) error {
	var large *http.MaxBytesError
	var unread *lines.Error
	switch {
	case errors.As(err, &large):
		return web.Invalid(v.Say(msg("bulk.large"), MaxSize>>20))
	case errors.As(err, &unread):
		return web.Invalid(v.Lang.Unread(unread))
	case errors.Is(err, ErrForm), errors.Is(err, io.ErrUnexpectedEOF):
		return web.Invalid(v.Say(msg("error.form")))
	}
	return err
}

type input struct {
	field, name string
	data        *os.File
}

// Receive implements jobs.Source.
func (u *Upload) Receive() error {
	for {
		part, err := u.parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if field := part.FormName(); field != fieldList && field != fieldFile {
			continue
		}
		if err := u.keep(part); err != nil {
			return err
		}
	}
}

// The fields of the form.
const (
	fieldList = "list"
	fieldFile = "file"
)

func (u *Upload) keep(part *multipart.Part) error {
	f, err := os.CreateTemp("", "mpblock-upload-")
	if err != nil {
		return fmt.Errorf("console: an upload cannot be kept: %w", err)
	}
	_ = os.Remove(f.Name()) // where an open file cannot be removed, Remove does it
	u.inputs = append(u.inputs, input{part.FormName(), part.FileName(), f})
	_, err = io.Copy(f, part)
	return err
}

// Read implements jobs.Source.
func (u *Upload) Read(each func(lines.Line) error) (read []lines.Summary, err error) {
	for _, in := range u.inputs {
		if _, err := in.data.Seek(0, io.SeekStart); err != nil {
			return read, err
		}
		sum, err := lines.Read(in.data, lines.Options{Name: in.name}, each)
		if sum.OpenIDs+sum.Bad > 0 {
			read = append(read, sum)
		}
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// maxPasted is how much of what was pasted is shown again where it was refused, in
// bytes.
const maxPasted = 1 << 20

// Pasted returns the beginning of what was pasted.
func (u *Upload) Pasted() string {
	for _, in := range u.inputs {
		if in.field == fieldList {
			b, err := io.ReadAll(io.NewSectionReader(in.data, 0, maxPasted))
			if err == nil {
				return string(b)
			}
		}
	}
	return ""
}

// Remove frees what the inputs take.
func (u *Upload) Remove() {
	for _, in := range u.inputs {
		_ = in.data.Close()
		_ = os.Remove(in.data.Name())
	}
}
