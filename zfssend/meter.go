package zfssend

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// Stats are a stream's measurements so far.
type Stats struct {
	Bytes     int64         // that came out of a SendStream, or went into a Receive
	FirstByte time.Duration // from the start of zfs to the first of them; 0 before
	ReadWait  time.Duration // spent in reading: waiting for zfs send, or for a Receive's input
	WriteWait time.Duration // spent in writing: waiting for zfs receive, or for the writer given to WriteTo
	PipeSize  int           // capacity of the pipe to or from zfs, in bytes; 0 where it isn't known
}

// meter measures a stream while it flows.
type meter struct {
	started   time.Time
	pipeSize  int
	bytes     atomic.Int64
	firstByte atomic.Int64 // ns
	readWait  atomic.Int64 // ns
	writeWait atomic.Int64 // ns
}

// Stats may be called at any time.
func (m *meter) Stats() Stats {
	return Stats{
		Bytes:     m.bytes.Load(),
		FirstByte: time.Duration(m.firstByte.Load()),
		ReadWait:  time.Duration(m.readWait.Load()),
		WriteWait: time.Duration(m.writeWait.Load()),
		PipeSize:  m.pipeSize,
	}
}

// read reads from r on the clock.
func (m *meter) read(r io.Reader, p []byte) (int, error) {
	start := time.Now()
	n, err := r.Read(p)
	m.readWait.Add(int64(time.Since(start)))
	return n, err
}

// write writes to w on the clock.
func (m *meter) write(w io.Writer, p []byte) (int, error) {
	start := time.Now()
	n, err := w.Write(p)
	m.writeWait.Add(int64(time.Since(start)))
	return n, err
}

// count counts n bytes that passed the pipe.
func (m *meter) count(n int) {
	if n > 0 && m.bytes.Add(int64(n)) == int64(n) {
		m.firstByte.Store(int64(time.Since(m.started)))
	}
}

// attrs are the measurements as a task's attributes.
func (m *meter) attrs() []slog.Attr {
	s := m.Stats()
	return []slog.Attr{
		slog.Int64("bytes", s.Bytes),
		slog.Duration("first_byte", s.FirstByte),
		slog.Duration("read_wait", s.ReadWait),
		slog.Duration("write_wait", s.WriteWait),
		slog.Int("pipe_size", s.PipeSize),
	}
}

// copyBuffer is the size in bytes of the pieces in which streams are copied: a fraction of the pipe, so that both
// sides of it have work at a time.
const copyBuffer = 256 << 10

// pump copies what read returns to write until io.EOF or until one of them fails, and tells which one did.
func pump(read, write func([]byte) (int, error)) (n int64, readErr, writeErr error) {
	buf := make([]byte, copyBuffer)
	for {
		k, readErr := read(buf)
		if k > 0 {
			written, err := write(buf[:k])
			n += int64(written)
			if err != nil {
				return n, nil, err
			}
		}
		if readErr == io.EOF {
			return n, nil, nil
		}
		if readErr != nil {
			return n, readErr, nil
		}
	}
}
