package fmttest

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
)

// truncated cuts the output at every byte. What is read must be a beginning of all events, then a clear end.
func (s suite) truncated(t *testing.T) {
	data, _ := s.write(t, Sample())
	s.truncatedInput(t, data)
}

func (s suite) truncatedInput(t *testing.T, data []byte) {
	whole := ContentOf(s.read(t, data), tracefmt.KeepsAll).Timed
	cut, tried := 0, 0
	for n := 0; n < len(data); n += 1 + len(data)/8192 { // at every byte, unless that would take long
		tried++
		r := s.NewReader(bytes.NewReader(data[:n]))
		events, err := ReadAll(r)
		if err != nil {
			cut++
			if !errors.Is(err, tracefmt.ErrTruncated) {
				t.Fatalf("cut at byte %d: %v, want an error that Is ErrTruncated", n, err)
			}
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset != int64(n) {
				t.Fatalf("cut at byte %d: %v, want that offset", n, err)
			}
			if _, again := r.Next(); again != err {
				t.Fatalf("cut at byte %d: %v, then %v, want the same again", n, err, again)
			}
		}
		got := ContentOf(events, tracefmt.KeepsAll).Timed
		if len(got) > len(whole) {
			t.Fatalf("cut at byte %d: more events than in the whole", n)
		}
		diffLines(t, "beginning", got, whole[:len(got)])
	}
	if cut < tried/2 { // most cuts are inside of something
		t.Errorf("only %d cuts of %d are noticed", cut, tried)
	}
}

// brokenInput reads from inputs that come in single bytes, that fail, and that have rubbish in them.
func (s suite) brokenInput(t *testing.T) {
	data, _ := s.write(t, Sample())
	s.broken(t, data)
}

func (s suite) broken(t *testing.T, data []byte) {
	want := ContentOf(s.read(t, data), tracefmt.KeepsAll)
	slow, err := ReadAll(s.NewReader(iotest.OneByteReader(bytes.NewReader(data))))
	if err != nil {
		t.Fatalf("byte by byte: %v", err)
	}
	Diff(t, "byte by byte", ContentOf(slow, tracefmt.KeepsAll), want)

	failure := errors.New("the disk is on fire")
	if _, err := ReadAll(s.NewReader(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(failure)))); !errors.Is(err, failure) {
		t.Errorf("input that fails: %v, want its failure", err)
	}
	for n := 0; n < len(data); n += max(7, len(data)/400) { // each reads all of it
		for _, rubbish := range []string{"\x00", "\xff\xfe", "}", "]", "\"", "-", "1e999999999"} {
			broken := append(append(append([]byte(nil), data[:n]...), rubbish...), data[n:]...)
			if events, err := ReadAll(s.NewReader(bytes.NewReader(broken))); err == nil && s.NewWriter != nil {
				s.write(t, events) // whatever it is, it can be written
			}
		}
	}
}
