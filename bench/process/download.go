package process

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Download writes what a process of ours answers to a file.
func Download(url, file string) (err error) {
	res, err := http.Get(url) //nolint:gosec // of our own server
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it has been read from
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, res.Status)
	}
	f, err := os.Create(file) //nolint:gosec // named by who started this
	if err != nil {
		return err
	}
	_, err = io.Copy(f, res.Body)
	return errors.Join(err, f.Close())
}
