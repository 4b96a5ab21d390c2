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
	ReadWait  time.Duration // spent waiting for zfs send, its exit included, or for a Receive's input
	WriteWait time.Duration // spent waiting for zfs receive, its exit included, or for the writer given to WriteTo
	PipeSize  int           // capacity of the pipe to or from zfs, in bytes; 0 where it isn't known
	Spliced   int64         // those of Bytes that the writer got without copying: see SendStream.WriteTo
	Direct    bool          // zfs receive reads zfs send's own pipe, and all this is seen from outside: see ReceiveOptions.Direct
}

// meter measures a stream while it flows.
type meter struct {
	started   time.Time
	pipeSize  int
	bytes     atomic.Int64
	firstByte atomic.Int64 // ns
	spliced   atomic.Int64
	direct    atomic.Bool
	reading   pause
	writing   pause
}

// pause is the time that was spent waiting for one side of a stream. Its clock is that of the meter, in ns.
type pause struct {
	total atomic.Int64
	since atomic.Int64 // when the wait began that lasts now, 0 if none does
}

// now is the time since the start, and never 0.
func (m *meter) now() int64 { return int64(time.Since(m.started)) + 1 }

func (m *meter) startWait(w *pause) { w.since.Store(m.now()) }

func (m *meter) endWait(w *pause) {
	if since := w.since.Swap(0); since != 0 {
		w.total.Add(m.now() - since)
	}
}

// lasting returns how long the present wait has lasted, 0 if there is none.
func (m *meter) lasting(w *pause) time.Duration {
	if since := w.since.Load(); since != 0 {
		return time.Duration(m.now() - since)
	}
	return 0
}

func (m *meter) spent(w *pause) time.Duration { return time.Duration(w.total.Load()) + m.lasting(w) }

// Stats may be called at any time.
func (m *meter) Stats() Stats {
	return Stats{
		Bytes:     m.bytes.Load(),
		FirstByte: time.Duration(m.firstByte.Load()),
		ReadWait:  m.spent(&m.reading),
		WriteWait: m.spent(&m.writing),
		PipeSize:  m.pipeSize,
		Spliced:   m.spliced.Load(),
		Direct:    m.direct.Load(),
	}
}

// read reads from r on the clock.
func (m *meter) read(r io.Reader, p []byte) (int, error) {
	m.startWait(&m.reading)
	defer m.endWait(&m.reading)
	return r.Read(p)
}

// write writes to w on the clock.
func (m *meter) write(w io.Writer, p []byte) (int, error) {
	m.startWait(&m.writing)
	defer m.endWait(&m.writing)
	return w.Write(p)
}

// count counts n bytes that passed the pipe.
func (m *meter) count(n int) {
	if n > 0 && m.bytes.Add(int64(n)) == int64(n) {
		m.firstByte.Store(int64(time.Since(m.started)))
	}
}

// reach is count for what passes by itself: n bytes have, in all.
func (m *meter) reach(n int64) {
	m.spliced.Store(n)
	if m.bytes.Swap(n) == 0 && n > 0 {
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
		slog.Int64("spliced", s.Spliced),
		slog.Bool("direct", s.Direct),
	}
}
