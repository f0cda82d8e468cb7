package replica

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A file begins with a line that names its form and one of JSON, a header. Then come the
// entries, each a key and its end, 8 bytes big-endian, and the checksum of all before.

const form = "mpblock replica 1\n"

type header struct {
	Server   string    `json:"server"`
	AppID    string    `json:"appid"`
	Revision uint64    `json:"revision"`
	Place    string    `json:"place,omitempty"`
	Fresh    time.Time `json:"fresh"` // when the list was known to be the server's
	Entries  int       `json:"entries"`
}

var checksum = crc64.MakeTable(crc64.ECMA)

// save writes the file: whole, in the place of the one that is there.
func (r *Replica) save() (err error) {
	f, err := os.CreateTemp(filepath.Dir(r.path), filepath.Base(r.path)+".*")
	if err != nil {
		return fmt.Errorf("replica: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("replica: write the file %s: %w", r.path, err)
		}
	}()
	err = r.write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	r.saved = r.since()
	return os.Rename(f.Name(), r.path)
}

// write writes the list. It is called by who takes in changes, or once nobody does.
func (r *Replica) write(f io.Writer) error {
	t := r.table.Load()
	sum := crc64.New(checksum)
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	_, _ = w.WriteString(form) // an error stays until Flush
	if err := json.NewEncoder(w).Encode(header{
		r.source.BaseURL(), r.source.AppID(), r.Revision(), r.place, time.Now().Add(-r.Staleness()), r.Len(),
	}); err != nil {
		return err
	}
	var end [8]byte
	for i := range t.pieces {
		p := unpack(t.pieces[i].Load())
		for j := range p.keys {
			binary.BigEndian.PutUint64(end[:], uint64(p.end(j))) //nolint:gosec // read back as it is
			_, _ = w.Write(p.keys[j][:])
			_, _ = w.Write(end[:])
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return binary.Write(f, binary.BigEndian, sum.Sum64())
}

// load begins with the list of the file, if there is one.
func (r *Replica) load() error {
	f, err := os.Open(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	in := &summed{r: bufio.NewReaderSize(f, 1<<20)}
	h, err := in.header()
	if err != nil {
		return err
	}
	if h.Server != r.source.BaseURL() || h.AppID != r.source.AppID() {
		return fmt.Errorf("it is of the account %s of %s", h.AppID, h.Server)
	}
	b := newBuilder(h.Entries)
	var entry [28]byte
	for range h.Entries {
		if err := in.read(entry[:]); err != nil {
			return err
		}
		b.add(key(entry[:20]), int64(binary.BigEndian.Uint64(entry[20:]))) //nolint:gosec // as written
	}
	want := in.sum
	if err := in.read(entry[:8]); err != nil {
		return err
	}
	if binary.BigEndian.Uint64(entry[:8]) != want {
		return errors.New("it is damaged: the checksum is another")
	}
	r.copy = &copied{table: b.table(), at: h.Revision, place: h.Place, whole: h.Revision}
	r.fresh.Store(int64(-max(0, time.Since(h.Fresh))))
	r.publish()
	r.begin()
	return nil
}

// summed reads and adds up what it has read.
type summed struct {
	r   *bufio.Reader
	sum uint64
}

func (s *summed) read(p []byte) error {
	_, err := io.ReadFull(s.r, p)
	s.sum = crc64.Update(s.sum, checksum, p)
	if err != nil {
		return fmt.Errorf("it ends before its time: %w", err)
	}
	return nil
}

func (s *summed) header() (h header, err error) {
	first := make([]byte, len(form))
	if err := s.read(first); err != nil {
		return h, err
	}
	if string(first) != form {
		return h, errors.New("it is no file of a replica, or one of another version")
	}
	line, err := s.r.ReadBytes('\n')
	if err != nil {
		return h, fmt.Errorf("it ends before its time: %w", err)
	}
	s.sum = crc64.Update(s.sum, checksum, line)
	if err := json.Unmarshal(line, &h); err != nil {
		return h, err
	}
	if h.Entries < 0 {
		return h, errors.New("it is damaged: it has a negative number of entries")
	}
	return h, nil
}
