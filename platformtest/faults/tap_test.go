package main

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestTap: whatever the sizes of reads, the fault strikes once, at its place, and what comes before has passed unchanged.
func TestTap(t *testing.T) {
	data := make([]byte, 3000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r },
		"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "end with data": iotest.DataErrReader,
	}
	for name, wrap := range readers {
		for _, at := range []int64{0, 1, 311, 312, 1500, 2999} {
			flipped := bytes.Clone(data)
			flipped[at] ^= 4
			for _, tt := range []struct {
				what   string
				strike func(rest []byte) ([]byte, error)
				want   []byte
				err    error
			}{
				{"nothing", func(rest []byte) ([]byte, error) { return rest, nil }, data, nil},
				{"flip", func(rest []byte) ([]byte, error) { rest[0] ^= 4; return rest, nil }, flipped, nil},
				{"gap", func(rest []byte) ([]byte, error) { return rest[1:], nil }, append(bytes.Clone(data[:at]), data[at+1:]...), nil},
				{"error", func([]byte) ([]byte, error) { return nil, errCut }, data[:at], errCut},
				{"end", func([]byte) ([]byte, error) { return nil, io.EOF }, data[:at], nil},
			} {
				strikes := 0
				tap := &tap{ReadCloser: io.NopCloser(wrap(bytes.NewReader(data))), at: at, strike: func(rest []byte) ([]byte, error) {
					strikes++
					return tt.strike(rest)
				}}
				got, err := io.ReadAll(tap)
				if !errors.Is(err, tt.err) || !bytes.Equal(got, tt.want) || strikes != 1 {
					t.Errorf("%s at %d of %s: %d bytes, %d strikes, %v", tt.what, at, name, len(got), strikes, err)
				}
			}
		}
	}
}

// TestTapNeverReached: a fault beyond the end doesn't happen.
func TestTapNeverReached(t *testing.T) {
	tap := &tap{ReadCloser: io.NopCloser(bytes.NewReader(make([]byte, 10))), at: 10, strike: func(rest []byte) ([]byte, error) {
		t.Errorf("struck, with %d bytes left", len(rest))
		return rest, nil
	}}
	if got, err := io.ReadAll(tap); len(got) != 10 || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
