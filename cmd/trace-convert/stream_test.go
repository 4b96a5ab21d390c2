package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// endless is Chrome JSON without an end: slices of some tracks, not quite in order, with attributes that are ever new, and
// a number of names.
type endless struct {
	text  bytes.Buffer
	n     int64
	names int64
	from  func() // is called from time to time
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		e.text.WriteByte('[')
	}
	for e.text.Len() < len(p) {
		e.n++
		fmt.Fprintf(&e.text, `{"name":"op %d","ph":"X","ts":%d,"dur":2,"pid":1,"tid":%d,"args":{"dataset":"tank/%d"}},`+"\n",
			e.n%e.names, e.n*3-e.n%7*5, e.n%8, e.n)
		if e.from != nil && e.n%40_000 == 0 {
			e.from()
		}
	}
	return e.text.Read(p)
}

// TestEndless: a trace without an end is converted in constant memory, and an interrupt ends that at once, without a
// file.
func TestEndless(t *testing.T) {
	for name, names := range map[string]int64{"out.pftrace": 1e7, "out.json.gz": 1e7,
		"out.folded": 100, "out.pb.gz": 100} { // these hold the names
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			var most uint64
			var cancelled time.Time
			in := &endless{names: names}
			in.from = func() {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
				if in.n >= 160_000 && cancelled.IsZero() {
					cancelled = time.Now()
					cancel()
				}
			}
			var stderr bytes.Buffer
			if code := run(ctx, []string{"-o", filepath.Join(dir, name)}, streams{in, io.Discard, &stderr}); code != exitInterrupted {
				t.Errorf("exit code %d: %s", code, stderr.String())
			}
			if took := time.Since(cancelled); took > time.Second {
				t.Errorf("it took %v to end", took)
			}
			if most > 36<<20 {
				t.Errorf("%d MiB are in use", most>>20)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("left behind: %v (%v)", entries, err)
			}
		})
	}
}
