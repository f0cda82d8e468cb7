package api

import (
	"io"
	"net"
	"net/http"
)

// sendPieces writes the body of an answer whose header says how long it is, from where
// it lies. What it returns of errors is of a client that is gone.
func sendPieces(w http.ResponseWriter, pieces *net.Buffers) error {
	if from, ok := w.(io.ReaderFrom); ok { // direct sends all in one system call, net/http in two
		_, err := from.ReadFrom(pieces)
		return err
	}
	_, err := pieces.WriteTo(w)
	return err
}
