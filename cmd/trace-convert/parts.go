package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spanstack/spanstack/internal/outfile"
	"github.com/spanstack/spanstack/tracefmt"
)

// parts are the files that a trace is split into. They get their names together.
type parts struct {
	mu      sync.Mutex
	list    []*part
	dropped bool
}

// part is a file, and what is written to it.
type part struct {
	tracefmt.Writer
	told string // about it

	out    outfile.File
	packed io.WriteCloser // nil if it isn't
	buffer *bufio.Writer
	size   int64
	events int64
}

// add creates a part.
func (ps *parts) add(name string, f *tracefmt.Format) (*part, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.dropped {
		return nil, errInterrupted
	}
	if old, err := os.Stat(name); err == nil && !old.Mode().IsRegular() {
		return nil, fmt.Errorf("write %s: it is there, and no regular file", name)
	}
	p := &part{out: outfile.File{Name: name}}
	ps.list = append(ps.list, p)
	if err := p.out.Create(); err != nil {
		return nil, err
	}
	p.buffer = bufio.NewWriterSize(&sized{&p.out, &p.size}, 256<<10)
	to := io.Writer(p.buffer)
	if packing := tracefmt.CompressionFor(f, name); packing != nil {
		p.packed = packing.NewWriter(to)
		to = p.packed
	}
	p.Writer = f.NewWriter(to)
	return p, nil
}

// sized counts what is written to a file.
type sized struct {
	io.Writer
	n *int64
}

func (s *sized) Write(b []byte) (int, error) {
	n, err := s.Writer.Write(b)
	*s.n += int64(n)
	return n, err
}

// Write adds an event to the part.
func (p *part) Write(e *tracefmt.Event) error {
	if e.Kind.Timed() && e.Kind != tracefmt.Clock {
		p.events++
	}
	return p.Writer.Write(e)
}

// Size returns the bytes that the part has in its file or is about to have there. What packing holds back isn't counted.
func (p *part) Size() int64 { return p.size + int64(p.buffer.Buffered()) }

// Close completes the file, which has no name yet.
func (p *part) Close() error {
	err := p.Writer.Close()
	if err == nil && p.packed != nil {
		err = p.packed.Close()
	}
	if err == nil {
		err = p.buffer.Flush()
	}
	if closeErr := p.out.Close(); err == nil {
		err = closeErr
	}
	p.told = fmt.Sprintf("%s: %d events, %d bytes", p.out.Name, p.events, p.size)
	return err
}

// events returns how many events that have a time are in all parts.
func (ps *parts) events() (n int64) {
	for _, p := range ps.list {
		n += p.events
	}
	return n
}

// commit gives all parts their names.
func (ps *parts) commit() error {
	for _, p := range ps.list {
		if err := p.out.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// discard removes the parts that have no names yet, and makes sure that no others come.
func (ps *parts) discard() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.dropped = true
	for _, p := range ps.list {
		p.out.Discard()
	}
}
