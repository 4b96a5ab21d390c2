package bridge

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/logging"
)

// TakeOver makes slog's default logger, and package log's standard one, log as a subsystem in ctx: the former with its
// levels, the latter at level info. It returns what undoes that.
func TakeOver(ctx context.Context, subsystem string) (restore func()) {
	before, flags, prefix := slog.Default(), log.Flags(), log.Prefix()
	out := log.Writer()
	slog.SetDefault(logging.GetLogger(ctx, subsystem)) // which directs package log's here, too
	return sync.OnceFunc(func() {
		slog.SetDefault(before)
		log.SetOutput(out)
		log.SetFlags(flags)
		log.SetPrefix(prefix)
	})
}

// Logger returns a logger of package log's for whoever wants one, such as an [net/http.Server].
func Logger(ctx context.Context, subsystem string, level slog.Level) *log.Logger {
	return slog.NewLogLogger(logging.GetLogger(ctx, subsystem).Handler(), level)
}

// MaxLine is how many bytes a line of [Lines] may have. A longer one becomes several.
const MaxLine = 16 << 10

// Lines returns a writer that logs each line it gets. A last one without a line feed is logged by Close, which must be
// called; what is written later is an error. Carriage returns before line feeds, and empty lines, are left out. Its
// methods may be called concurrently.
func Lines(ctx context.Context, subsystem string, level slog.Level) io.WriteCloser {
	return &lines{ctx: ctx, log: logging.GetLogger(ctx, subsystem), level: level}
}

type lines struct {
	ctx   context.Context
	log   *slog.Logger
	level slog.Level

	mu     sync.Mutex
	rest   []byte // a line's beginning
	closed bool
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, os.ErrClosed
	}
	n := len(p)
	for len(p) > 0 {
		line, after, whole := bytes.Cut(p, []byte{'\n'})
		if room := MaxLine - len(l.rest); len(line) > room {
			line, after, whole = p[:room], p[room:], true
		}
		l.rest = append(l.rest, line...)
		if whole {
			l.write()
		}
		p = after
	}
	return n, nil
}

// write logs the line that there is.
func (l *lines) write() {
	line := strings.TrimRight(string(l.rest), "\r")
	l.rest = l.rest[:0]
	if line != "" {
		l.log.Log(l.ctx, l.level, line)
	}
}

// Close implements io.Closer.
func (l *lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
	l.closed = true
	return nil
}
