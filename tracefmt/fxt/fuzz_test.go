package fxt_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/fxt"
)

// FuzzReader reads arbitrary bytes and writes back what it could read. Whatever that is, it reads without an error, and
// is stable from then on.
func FuzzReader(f *testing.F) {
	data, err := os.ReadFile("testdata/jane/demo.fxt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(write(f, fmttest.Sample()...))
	f.Add(trace(event(0, 5, "i", 2, arg(10, "blob", 3, stream("abc")...), arg(7, "p", 0, 1)), record(8, 0, one(0)),
		words(15|2<<4, 0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(fxt.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		once := write(t, events...)
		twice := write(t, read(t, once)...)
		if !bytes.Equal(once, twice) {
			if thrice := write(t, read(t, twice)...); !bytes.Equal(twice, thrice) {
				t.Fatalf("not stable:\n%x\n%x\n%x", once, twice, thrice)
			}
		}
	})
}
