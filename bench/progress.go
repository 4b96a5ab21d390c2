package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spanstack/spanstack/internal/terminal"
)

// progress is a line on a terminal that says what is being measured and how long it will take. On anything else it is
// silent.
type progress struct {
	out      io.Writer // nil if nobody looks
	start    time.Time
	expected time.Duration // of everything
	passed   time.Duration // of that, what is done
}

func newProgress(out io.Writer) *progress {
	if !terminal.Is(out) {
		out = nil
	}
	return &progress{out: out, start: time.Now()}
}

func (p *progress) expect(d time.Duration) { p.expected = d }

// done says that what was expected to take d is done.
func (p *progress) done(d time.Duration) { p.passed += d }

func (p *progress) show(what string) {
	if p.out == nil {
		return
	}
	left := p.expected - p.passed
	if p.passed > 0 {
		left = time.Duration(float64(left) * float64(time.Since(p.start)) / float64(p.passed)) // as it went so far
	}
	fmt.Fprintf(p.out, "\r\x1b[K%3.0f%%, %v left: %.90s", 100*float64(p.passed)/float64(max(1, p.expected)), left.Round(time.Second), what)
}

// clear takes the line away.
func (p *progress) clear() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
