package logfile

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/logging"
)

// Config says which file, how long it may get, and how many old ones are kept.
type Config struct {
	Path string
	Mode fs.FileMode // of new files; 0: 0600

	// MaxBytes is the size that a file doesn't exceed, but for a single line that is longer. 0: no limit.
	MaxBytes int64
	// Every rotates the file at multiples of this time since midnight of 1970-01-01, local time: with 24h each day,
	// with 1h each hour. The file's modification time tells of what period its lines are, so that a restart changes
	// nothing. 0: never.
	Every time.Duration
	// Keep is how many rotated files are kept. 0: all.
	Keep int
	// Compress makes .gz files of rotated ones.
	Compress bool
	// SIGHUP opens the file anew whenever the program gets that signal, which then doesn't end it.
	SIGHUP bool

	Format   logging.Format
	Name     string // in reports of losses; "": the path
	Levels   logging.Levels
	LevelVar *logging.LevelVar // instead of Levels: see [logging.Options]
	Stack    logging.StackStyle
	Collapse time.Duration

	QueueBytes   int           // see [logging.QueueConfig].Bytes
	FlushTimeout time.Duration // see [logging.QueueConfig].FlushTimeout
}

// Open opens the file and returns a handler for it. It must be closed, lest the last lines are lost. What goes wrong
// with a rotation is logged there itself: lines go on to the file that there is.
func Open(c Config) (*logging.Handler, error) {
	if c.Path == "" {
		return nil, fmt.Errorf("log file: no path")
	}
	if c.MaxBytes < 0 || c.Every < 0 || c.Keep < 0 {
		return nil, fmt.Errorf("log file %s: sizes, times and counts can't be negative", c.Path)
	}
	c.Mode = cmp.Or(c.Mode, 0o600)
	f := &file{config: c}
	if err := f.open(); err != nil {
		return nil, err
	}
	var h *logging.Handler
	o := &outlet{file: f, Queue: logging.NewQueue(f, logging.QueueConfig{
		Bytes: c.QueueBytes, FlushTimeout: c.FlushTimeout, Chunk: int(min(c.MaxBytes, 64<<10)),
		Report: func(b []byte, n uint64, cause error) []byte { return h.AppendLoss(b, n, cause) },
	})}
	h = logging.NewHandler(o, logging.Options{
		Name: cmp.Or(c.Name, c.Path), Levels: c.Levels, LevelVar: c.LevelVar, Format: c.Format, Stack: c.Stack, Collapse: c.Collapse,
	})
	f.complain = func(err error) { slog.New(h).Warn("log file wasn't rotated", "error", err) }
	if c.SIGHUP {
		o.listen()
	}
	return h, nil
}

// An outlet is a queue and the file behind it.
type outlet struct {
	*logging.Queue
	file *file
	hup  chan os.Signal // nil: not listened to
	done chan struct{}  // closed when listening has ended
}

// listen opens the file anew on SIGHUP.
func (o *outlet) listen() {
	o.hup, o.done = make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(o.hup, syscall.SIGHUP)
	go func() {
		defer close(o.done)
		for range o.hup {
			o.file.reopen()
		}
	}()
}

// Close flushes, and closes the file.
func (o *outlet) Close() error {
	err := o.Queue.Close()
	if o.hup != nil {
		signal.Stop(o.hup)
		close(o.hup)
		<-o.done
	}
	if cerr := o.file.close(); err == nil {
		err = cerr
	}
	return err
}
