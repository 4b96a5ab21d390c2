package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/journald"
	"github.com/spanstack/spanstack/logging/syslog"
	"github.com/spanstack/spanstack/trace"
)

// An outlet is where lines of a working program go.
type outlet string

const (
	toFile        outlet = "a file"
	toPipe        outlet = "a pipe"
	toSyslog      outlet = "syslog, local socket"
	toSyslogByTCP outlet = "syslog, TCP"
	toJournal     outlet = "the journal"
)

var outlets = []outlet{toFile, toPipe, toSyslog, toSyslogByTCP, toJournal}

// A stoppedJob measures a program that works and logs a line after each piece of work, while the process that reads the
// lines is running and while it is stopped, in turns.
type stoppedJob struct {
	Outlet   outlet
	Address  string // a path, or host:port
	Reader   int    // the process that is stopped; 0 for none
	Blocking bool   // a bare slog.JSONHandler writes the lines
	Rounds   int
	Window   time.Duration // of one measurement
}

// A stoppedRound has the two neighbouring measurements of a round.
type stoppedRound struct{ Reading, Stopped window }

// A window is what happened within some time.
type window struct {
	Time  time.Duration
	Lines uint64 // logged, each after a piece of work
	Lost  uint64 // of them, or of those that waited
}

func (w window) rate() float64 { return float64(w.Lines) / w.Time.Seconds() }

const (
	// pieceOfWork is how long a program works for a line.
	pieceOfWork = 20 * time.Microsecond
	// stoppedQueue is how many bytes wait before lines are lost: not many, so that it is soon full.
	stoppedQueue = 256 << 10
	// standstill is how long a program hasn't logged if it is said to stand still.
	standstill = 300 * time.Millisecond
)

func (j *stoppedJob) run() (rounds []stoppedRound, err error) {
	out, err := j.open()
	if err != nil {
		return nil, err
	}
	w := newWorker(out)
	go w.work()
	w.watch(warmup)
	for range j.Rounds {
		var r stoppedRound
		r.Reading = w.watch(j.Window)
		if j.Reader == 0 {
			rounds = append(rounds, r)
			continue
		}
		if err := syscall.Kill(j.Reader, syscall.SIGSTOP); err != nil {
			return rounds, err
		}
		w.awaitEffect()
		r.Stopped = w.watch(j.Window)
		if err := syscall.Kill(j.Reader, syscall.SIGCONT); err != nil {
			return rounds, err
		}
		rounds = append(rounds, r)
		if err := w.settle(j.Reader); err != nil {
			return rounds, err
		}
	}
	w.pause()
	return rounds, out.close()
}

// A program's log: what log is called for each line, and what is asked about all of them.
type programLog struct {
	log   func(i int)
	lost  func() uint64
	flush func(context.Context) error
	close func() error
}

func (j *stoppedJob) open() (*programLog, error) {
	if j.Blocking {
		return j.openBlocking()
	}
	var h *logging.Handler
	var err error
	queue := logging.QueueConfig{Bytes: stoppedQueue}
	switch j.Outlet {
	case toFile, toPipe:
		h, err = logging.Open(logging.Config{Format: logging.FormatJSON, File: j.Address, QueueBytes: queue.Bytes})
	case toSyslog:
		h, err = syslog.Open(syslog.Config{Address: j.Address, Queue: queue})
	case toSyslogByTCP:
		h, err = syslog.Open(syslog.Config{Network: syslog.TCP, Address: j.Address, Queue: queue})
	case toJournal:
		h, err = journald.Open(journald.Config{Socket: j.Address, Queue: queue})
	default:
		err = fmt.Errorf("no outlet %q", j.Outlet)
	}
	if err != nil {
		return nil, err
	}
	s := lineSession(trace.LevelRecording)
	ctx, _ := s.root(logging.WithHandler(s.ctx, h))
	return &programLog{
		log: func(i int) {
			logging.GetLogger(ctx, lineSubsystem).Info(lineMessage, "dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
		},
		lost:  h.Dropped,
		flush: h.Flush,
		close: h.Close,
	}, nil
}

// openBlocking opens the outlet as a program does that knows nothing but log/slog: each line is a write.
func (j *stoppedJob) openBlocking() (*programLog, error) {
	var out io.WriteCloser
	var err error
	before := ""
	switch j.Outlet {
	case toFile, toPipe:
		out, err = os.OpenFile(j.Address, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	case toSyslog:
		before = "<30>bench: "
		out, err = net.Dial("unixgram", j.Address)
	case toSyslogByTCP:
		before = "<30>bench: " // a line feed behind it ends the message: RFC 6587, section 3.4.2
		out, err = net.Dial("tcp", j.Address)
	case toJournal:
		before = "MESSAGE="
		out, err = net.Dial("unixgram", j.Address)
	default:
		err = fmt.Errorf("no outlet %q", j.Outlet)
	}
	if err != nil {
		return nil, err
	}
	l := slog.New(slog.NewJSONHandler(&prefixed{before: before, w: out}, nil))
	s := lineSession(trace.LevelIDs)
	ctx, _ := s.root(s.ctx)
	return &programLog{
		log: func(i int) {
			l.Info(lineMessage, "subsystem", lineSubsystem, "trace", trace.Stack(ctx),
				"dataset", dataset, "bytes", i, "resumed", resumed, "compression", compression)
		},
		lost:  func() uint64 { return 0 },
		flush: func(context.Context) error { return nil },
		close: out.Close,
	}, nil
}

// prefixed writes something before each line.
type prefixed struct {
	before string
	w      io.Writer
	line   []byte
}

// Write implements io.Writer. slog's handler calls it once for each line, one at a time.
func (p *prefixed) Write(line []byte) (int, error) {
	p.line = append(append(p.line[:0], p.before...), line...)
	if _, err := p.w.Write(p.line); err != nil {
		return 0, err
	}
	return len(line), nil
}

// A worker works and logs.
type worker struct {
	out   *programLog
	data  []byte
	gate  sync.Mutex // held for each piece of work, and by who pauses it
	lines atomic.Uint64
}

func newWorker(out *programLog) *worker { return &worker{out: out, data: workFor(pieceOfWork)} }

// workFor returns as much data as can be hashed in some time.
func workFor(d time.Duration) []byte {
	const size, times = 16 << 10, 200
	data := bytes.Repeat([]byte("spanstack"), size)[:size]
	best := time.Hour
	for range times {
		start := time.Now()
		sha256.Sum256(data)
		best = min(best, time.Since(start))
	}
	return bytes.Repeat(data, int(d/max(1, best))+1)[:int(int64(size)*int64(d)/int64(max(1, best)))]
}

// work works for ever.
func (w *worker) work() {
	for i := 0; ; i++ {
		w.gate.Lock()
		w.data[0] = sha256.Sum256(w.data)[0]
		w.gate.Unlock()
		w.out.log(i)
		w.lines.Add(1)
	}
}

func (w *worker) pause()  { w.gate.Lock() }
func (w *worker) resume() { w.gate.Unlock() }

// watch measures for about d.
func (w *worker) watch(d time.Duration) window {
	start, lines, lost := time.Now(), w.lines.Load(), w.out.lost()
	time.Sleep(d)
	return window{Time: time.Since(start), Lines: w.lines.Load() - lines, Lost: w.out.lost() - lost}
}

// awaitEffect waits until a reader that has stopped makes itself felt: lines are lost, or the program stands still. After
// some time it goes on without.
func (w *worker) awaitEffect() {
	lost, lines, since := w.out.lost(), w.lines.Load(), time.Now()
	for deadline := since.Add(10 * time.Second); w.out.lost() == lost && time.Since(since) < standstill && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
		if n := w.lines.Load(); n != lines {
			lines, since = n, time.Now()
		}
	}
}

// settle pauses the program until the reader has read what waits for it, so that it doesn't take its processor from the
// next measurement.
func (w *worker) settle(reader int) error {
	w.pause()
	defer w.resume()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.out.flush(ctx); err != nil {
		return err
	}
	for {
		before, ok := cpuTimeOf(reader)
		if !ok { // there is no telling whether it still reads
			time.Sleep(time.Second)
			return nil
		}
		time.Sleep(50 * time.Millisecond)
		if after, _ := cpuTimeOf(reader); after-before < time.Millisecond || ctx.Err() != nil {
			return nil
		}
	}
}

// duration estimates how long the job takes.
func (j *stoppedJob) duration() time.Duration {
	d := j.Window
	if j.Outlet != toFile {
		d += j.Window + 200*time.Millisecond
	}
	if j.Outlet == toSyslogByTCP {
		d += time.Second // the kernel has room for many lines
	}
	if j.Blocking {
		d += standstill
	}
	return time.Duration(j.Rounds)*d + 500*time.Millisecond
}
