package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/internal/terminal"
)

// progressDelay is how long the reading of an input must take for it to be shown.
const progressDelay = time.Second

// progress shows on a terminal how much of an input is read, how fast, and how long it will take if that is known. The
// zero value shows nothing.
type progress struct {
	out   io.Writer
	name  string
	size  int64 // bytes; 0 if it isn't known
	done  atomic.Int64
	began time.Time
	end   chan struct{} // nil if nothing is to be shown
	once  sync.Once
	wait  sync.WaitGroup
}

// newProgress returns the progress of reading an input, to be shown on w if that is a terminal.
func newProgress(w io.Writer, name string, in io.Reader) *progress {
	p := &progress{out: w, name: name}
	if !terminal.Is(w) || terminal.Is(in) {
		return p
	}
	p.end = make(chan struct{})
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			p.size = info.Size()
		}
	}
	return p
}

// start shows the progress from now on.
func (p *progress) start() {
	if p.end == nil {
		return
	}
	p.began = time.Now()
	p.wait.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for shown := false; ; {
			select {
			case <-tick.C:
				if took := time.Since(p.began); took >= progressDelay {
					fmt.Fprint(p.out, "\r\x1b[K", p.line(took))
					shown = true
				}
			case <-p.end:
				if shown {
					fmt.Fprint(p.out, "\r\x1b[K")
				}
				return
			}
		}
	})
}

// line says how far it is after some time.
func (p *progress) line(took time.Duration) string {
	done := p.done.Load()
	rate := float64(done) / took.Seconds()
	line := fmt.Sprintf("trace-convert: reading %s: %d MiB", p.name, done>>20)
	if p.size > 0 {
		line += fmt.Sprintf(" of %d (%d%%)", p.size>>20, 100*done/p.size)
	}
	line += fmt.Sprintf(", %.0f MiB/s", rate/(1<<20))
	if p.size > done && done > 0 {
		left := time.Duration(float64(p.size-done) / rate * float64(time.Second))
		line += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	return line
}

// reader returns in, counting what is read.
func (p *progress) reader(in io.Reader) io.Reader {
	if p.end == nil {
		return in
	}
	return &counted{in, &p.done}
}

// stop takes the progress off the terminal.
func (p *progress) stop() {
	if p.end != nil {
		p.once.Do(func() { close(p.end) })
		p.wait.Wait()
	}
}

type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}
