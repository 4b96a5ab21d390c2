package machine

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// A PowerCutError says that [RunOptions.CutPower] had the machine killed. Its disks can be used by another run.
type PowerCutError struct {
	Line  string        // what the payload had written
	After time.Duration // from the start of the run, by the host's clock
}

func (e *PowerCutError) Error() string {
	return fmt.Sprintf("run the virtual machine: power cut after %v, at %q", e.After.Round(time.Millisecond), e.Line)
}

// A lineWatcher passes on what is written and shows each complete line to see, until that returns true.
type lineWatcher struct {
	w    io.Writer
	see  func(line string) bool
	hit  func(line string) // called once, with the line that it was
	line []byte            // unfinished
	done bool
}

func (l *lineWatcher) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err != nil || l.done {
		return n, err
	}
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		line := string(append(l.line, rest[:i]...))
		l.line, rest = l.line[:0], rest[i+1:]
		if l.see(line) {
			l.done = true
			l.hit(line)
			return n, nil
		}
	}
	// A line without an end is kept as far as a reasonable one goes.
	if room := maxConsoleLine - len(l.line); room > 0 {
		l.line = append(l.line, rest[:min(room, len(rest))]...)
	}
	return n, nil
}
