package jsonstream_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsonstream"
)

// walk returns a document in short, and the error that ended it.
func walk(in io.Reader) (string, error) {
	d := jsonstream.New(in)
	var b strings.Builder
	ok, err := d.Object(func(key string) error {
		fmt.Fprintf(&b, "%s:", key)
		switch d.Kind() {
		case jsonstream.Array:
			_, err := d.Array(func() error {
				v, err := d.Value()
				fmt.Fprintf(&b, "%d=%s,", v.Kind(), v)
				return err
			})
			return err
		case jsonstream.String:
			text, _, err := d.Text()
			b.WriteString(text)
			return err
		}
		return d.Skip()
	})
	if err == nil {
		err = d.End()
	}
	if err != nil {
		return b.String(), d.Fail("x", 0, err)
	}
	fmt.Fprint(&b, " ", ok)
	return b.String(), nil
}

func TestDecoder(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":"b\u00e9\n","c":[1,-2.5,"x",null,{"k": [ 1 ]},true],"d":{"e":[]}}`: "a:bé\nc:2=1,4=-2.5,5=x,6=null,6={\"k\":[1]},1=true,d: true",
		"\ufeff {} ": " true",
		"[1]":        " false",
		"7":          " false",
		"":           "read x trace: at byte 0: input is cut short",
		`{"a":"b`:    "read x trace: at byte 7: input is cut short",
		"\ufeff{":    "read x trace: at byte 4: input is cut short",
		`{"a" "b"}`:  "read x trace: at byte 5: invalid character '\"' after object name (expecting ':')",
		`{} 7`:       "read x trace: at byte 4: more text after the end of the document",
	} {
		got, err := walk(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	failure := errors.New("on fire")
	if _, err := walk(io.MultiReader(strings.NewReader(`{"a":[`), iotest.ErrReader(failure))); !errors.Is(err, failure) {
		t.Errorf("%v, want the input's failure", err)
	}
	if _, err := walk(io.MultiReader(strings.NewReader(`{"a":[`), iotest.ErrReader(fmt.Errorf("gzip: %w", tracefmt.ErrTruncated)))); !errors.Is(err, tracefmt.ErrTruncated) {
		t.Errorf("%v, want one that Is ErrTruncated", err)
	}
}

// endless is a string without an end.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	if e.n == 0 {
		p[0] = '"'
	}
	e.n += len(p)
	return len(p), nil
}

func TestLongValue(t *testing.T) {
	in := &endless{}
	d := jsonstream.New(in)
	d.MaxValue = 1 << 20
	err := d.Skip()
	if err != nil {
		err = d.Fail("x", 0, err)
	}
	if err == nil || err.Error() != "read x trace: at byte 0: a value that is too long: more than 1048576 bytes" || in.n > 8<<20 {
		t.Errorf("after %d bytes: %v", in.n, err)
	}
}
