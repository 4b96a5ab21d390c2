package jsonstream

import (
	"bytes"
	"io"
)

// withoutMark reads a byte order mark at the start of its input as white space, so that offsets stay right.
type withoutMark struct {
	in   io.Reader
	done bool
}

var mark = []byte("\ufeff")

func (r *withoutMark) Read(p []byte) (n int, err error) {
	if r.done || len(p) < len(mark) {
		return r.in.Read(p)
	}
	r.done = true
	n, err = io.ReadAtLeast(r.in, p, len(mark))
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	if bytes.HasPrefix(p[:n], mark) {
		copy(p, "   ")
	}
	return n, err
}
