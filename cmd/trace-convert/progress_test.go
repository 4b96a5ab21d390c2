package main

import (
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	p := &progress{name: "trace.json", size: 1 << 30}
	p.done.Store(256 << 20)
	if got, want := p.line(2*time.Second), "trace-convert: reading trace.json: 256 MiB of 1024 (25%), 128 MiB/s, 6s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.size = 0
	if got, want := p.line(2*time.Second), "trace-convert: reading trace.json: 256 MiB, 128 MiB/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
