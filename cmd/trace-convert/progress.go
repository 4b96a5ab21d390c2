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

// progressSize is the size of a file from which on its reading is shown.
const progressSize = 64 << 20

// progress shows on a terminal how much of a large file is read. The zero value shows nothing.
type progress struct {
	out  io.Writer
	name string
	size int64
	done atomic.Int64
	end  chan struct{} // nil if nothing is to be shown
	once sync.Once
	wait sync.WaitGroup
}

// newProgress returns the progress of reading a file, to be shown on w if that is a terminal.
func newProgress(w io.Writer, name string, in io.Reader) *progress {
	p := &progress{out: w, name: name}
	f, ok := in.(*os.File)
	if !ok || !terminal.Is(w) {
		return p
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() < progressSize {
		return p
	}
	p.size, p.end = info.Size(), make(chan struct{})
	return p
}

// start shows the progress from now on.
func (p *progress) start() {
	if p.end == nil {
		return
	}
	p.wait.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(p.out, "\rtrace-convert: reading %s: %d of %d MiB", p.name, p.done.Load()>>20, p.size>>20)
			case <-p.end:
				fmt.Fprint(p.out, "\r\x1b[K")
				return
			}
		}
	})
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
