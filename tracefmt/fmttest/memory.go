package fmttest

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// memory streams many events through a writer and a reader, and looks at the heap at the end.
func (s suite) memory(t *testing.T) {
	if s.Mode != tracefmt.Streaming {
		t.Skipf("the format is %v, not streaming: its memory grows with the trace", s.Mode)
	}
	const rounds, limit = 100_000, 8 << 20
	before := heap()
	in, out := io.Pipe()
	done := make(chan error, 1)
	w := s.NewWriter(out)
	go func() {
		err := longStream(w, rounds)
		if err == nil {
			err = w.Close()
		}
		out.CloseWithError(err)
		done <- err
	}()
	r := s.NewReader(in)
	n := 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if after := heap(); after > before+limit {
		t.Errorf("after %d events, writer and reader hold %d KiB", n, (after-before)>>10)
	}
	if n < rounds*5 {
		t.Errorf("only %d events came through", n)
	}
	runtime.KeepAlive(r)
	runtime.KeepAlive(w)
}

// readMemory reads a long input, and looks at the heap at the end.
func (s suite) readMemory(t *testing.T, in Input) {
	if in.More == nil {
		t.Skip("nothing can follow this input")
	}
	const size, limit = 64 << 20, 8 << 20
	r := s.NewReader(io.MultiReader(bytes.NewReader(in.Data), &repeated{text: in.More, times: size / len(in.More)}))
	before := heap()
	n := 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if after := heap(); after > before+limit {
		t.Errorf("after %d events, the reader holds %d KiB", n, (after-before)>>10)
	}
	runtime.KeepAlive(r)
}

// repeated reads as a text, again and again.
type repeated struct {
	text  []byte
	done  int
	times int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	if r.done == len(r.text) {
		r.done = 0
		r.times--
	}
	if r.times <= 0 {
		return 0, io.EOF
	}
	n = copy(p, r.text[r.done:])
	r.done += n
	return n, nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
