package logfile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/internal/onsignal"
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

	Options logging.Options     // the name is the path if there is none
	Queue   logging.QueueConfig // where lines wait; its Chunk is at most MaxBytes
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
	if c.MaxBytes > 0 {
		c.Queue.Chunk = int(min(c.MaxBytes, int64(cmp.Or(c.Queue.Chunk, 64<<10)))) // what is written at once is in one file
	}
	out := &outlet{Queue: logging.NewQueue(f, c.Queue), file: f, stop: func() {}, patience: max(c.Queue.FlushTimeout, time.Second)}
	o := c.Options
	o.Name = cmp.Or(o.Name, c.Path)
	h := logging.NewHandler(out, o)
	f.complain = func(err error) { slog.New(h).Warn("log file wasn't rotated", "error", err) }
	if c.SIGHUP {
		out.stop = onsignal.Do(syscall.SIGHUP, f.reopen)
	}
	return h, nil
}

// An outlet is a queue and the file behind it.
type outlet struct {
	*logging.Queue
	file     *file
	stop     func() // listening to SIGHUP
	patience time.Duration
}

// Close flushes, and closes the file. If a disk or a pipe hangs, so does what writes to it, and the file is closed when
// that is over.
func (o *outlet) Close() error {
	err := o.Queue.Close()
	closed := make(chan error, 1)
	go func() {
		o.stop()
		closed <- o.file.close()
	}()
	t := time.NewTimer(o.patience)
	defer t.Stop()
	select {
	case cerr := <-closed:
		return cmp.Or(err, cerr)
	case <-t.C:
		return errors.Join(err, fmt.Errorf("log file %s: it hangs, and can't be closed", o.file.config.Path))
	}
}
