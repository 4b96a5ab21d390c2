package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/viewer"
)

// progress shows on a terminal how far traces are read. Elsewhere it shows nothing.
type progress struct {
	out io.Writer

	mu    sync.Mutex
	shown bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{}
	if terminal.Is(w) {
		p.out = w
	}
	return p
}

// show shows those that are being read.
func (p *progress) show(list []viewer.Status) {
	if p.out == nil {
		return
	}
	var parts []string
	for _, s := range list {
		if s.State == viewer.StateLoading {
			parts = append(parts, reading(s))
		}
	}
	if parts == nil {
		p.clear()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.out, "\r\x1b[K", "trace-view: reading ", strings.Join(parts, ", "))
	p.shown = true
}

// reading says how far one is.
func reading(s viewer.Status) string {
	if s.Progress < 0 { // nobody knows how much there is
		return fmt.Sprintf("%s: %d events", s.Title, s.Events)
	}
	return fmt.Sprintf("%s: %d%%", s.Title, int(100*s.Progress))
}

// clear takes it off the terminal.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}
