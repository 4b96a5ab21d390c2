package machine

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

// console takes what the guest's kernel prints, passes it on, keeps the last lines, and looks for the kernel's death.
type console struct {
	mu     sync.Mutex
	out    io.Writer // may be nil
	outErr error     // first error of out
	line   []byte    // of the unfinished line, bounded
	last   []string
	fault  string // first line that tells of a fault
	panic  string // line of the panic
}

const (
	maxConsoleLine = 4096 // where a line without an end is cut, in bytes
	consoleLines   = 160  // how many lines are kept: enough for the stacks of several tasks
)

// Init has the kernel panic on an oops, and on a failed assertion in ZFS, so every fault ends in a panic line. The line
// that tells why comes before it.
var (
	panicPattern = regexp.MustCompile(`Kernel panic - not syncing: .*`)
	faultPattern = regexp.MustCompile(`(?:\bBUG: |\bkernel BUG at |\bOops: |general protection fault|\bVERIFY\d?\(|\bPANIC at |\bPANIC: ).*`)
)

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil && c.outErr == nil {
		_, c.outErr = c.out.Write(p)
	}
	for rest := p; len(rest) > 0; {
		n := min(len(rest), maxConsoleLine-len(c.line))
		i := bytes.IndexByte(rest[:n], '\n')
		if i < 0 {
			c.line = append(c.line, rest[:n]...)
			rest = rest[n:]
		} else {
			c.line = append(c.line, rest[:i]...)
			rest = rest[i+1:]
		}
		if i >= 0 || len(c.line) == maxConsoleLine {
			c.endLine()
		}
	}
	return len(p), nil
}

func (c *console) endLine() {
	text := strings.TrimRight(string(c.line), "\r")
	c.line = c.line[:0]
	if text == "" {
		return
	}
	if c.last = append(c.last, text); len(c.last) > consoleLines {
		c.last = c.last[1:]
	}
	if c.panic == "" {
		c.panic = panicPattern.FindString(text)
	}
	if c.fault == "" {
		c.fault = faultPattern.FindString(text)
	}
}

// writeError returns the first error of passing it on.
func (c *console) writeError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outErr != nil {
		return fmt.Errorf("pass on the console: %w", c.outErr)
	}
	return nil
}

// death returns why the kernel died, or "".
func (c *console) death() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.panic != "" && c.fault != "" {
		return c.fault + " (" + c.panic + ")"
	}
	return c.panic
}

// tail returns the last lines, the unfinished one too.
func (c *console) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.last
	if len(c.line) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(c.line))
	}
	return strings.Join(lines, "\n")
}
