package zfssend

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"sync"
)

const (
	stderrHead = 8 << 10  // bytes of the beginning of stderr that an error has, where the first complaint stands
	stderrTail = 24 << 10 // and of its end, where the last one stands

	stderrKept = 1 << 20  // bytes kept of the beginning, whatever the process does
	stderrMost = 16 << 20 // bytes kept of it for who has to know of each complaint: see keep

	stderrLine  = 1 << 10 // bytes of a line that are told
	stderrLines = 100     // lines that are told; a chatty zfs send must not fill the flight recorder
)

// stderrBuffer keeps the beginning and the tail of what is written to it, and takes everything: a child whose stderr isn't
// drained blocks. It may be read while it is written.
type stderrBuffer struct {
	mu      sync.Mutex
	total   int64 // bytes that were written
	limit   int   // of text; 0 means stderrKept
	text    []byte
	tail    []byte // of what is beyond the limit; a ring once it is full
	next    int    // where the ring is written next
	omitted int64  // bytes that left the ring

	line    func(string) // if not nil, is told the first lines as they come
	partial []byte       // of the line that isn't complete yet
	lines   int          // that were told
}

// keep raises the limit to stderrMost, for a process that was just started.
func (b *stderrBuffer) keep() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tail) == 0 {
		b.limit = stderrMost
	}
}

// Write never fails.
func (b *stderrBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(p)
	b.total += int64(n)
	b.tell(p)
	k := min(len(p), cmp.Or(b.limit, stderrKept)-len(b.text))
	b.text, p = append(b.text, p[:k]...), p[k:]
	k = min(len(p), stderrTail-len(b.tail))
	b.tail, p = append(b.tail, p[:k]...), p[k:]
	for len(p) > 0 {
		k = copy(b.tail[b.next:], p)
		p, b.next = p[k:], (b.next+k)%stderrTail
		b.omitted += int64(k)
	}
	return n, nil
}

// size returns how many bytes were written.
func (b *stderrBuffer) size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// end is told that nothing more comes: the last line is complete without a line break.
func (b *stderrBuffer) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.partial) > 0 {
		b.tell([]byte("\n"))
	}
}

// tell tells the lines that p completes.
func (b *stderrBuffer) tell(p []byte) {
	for b.line != nil && b.lines < stderrLines {
		line, rest, complete := bytes.Cut(p, []byte("\n"))
		b.partial = append(b.partial, line[:min(len(line), stderrLine-len(b.partial))]...)
		if !complete {
			return
		}
		b.line(strings.ToValidUTF8(string(b.partial), "\uFFFD"))
		b.partial, p = b.partial[:0], rest
		b.lines++
	}
}

// whole returns all that was written, or the first lines of it if that is more than is kept.
func (b *stderrBuffer) whole() (text string, cut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tail) == 0 {
		return string(b.text), false
	}
	return string(b.text[:bytes.LastIndexByte(b.text, '\n')+1]), true
}

// String returns head and tail, with a note between them if something is missing there.
func (b *stderrBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	over := int64(len(b.text)+len(b.tail)-stderrHead-stderrTail) + b.omitted
	if over <= 0 {
		return string(b.text) + string(b.tail)
	}
	var s strings.Builder
	s.Write(b.text[:stderrHead])
	fmt.Fprintf(&s, "\n[%d%s\n", over, leftOut)
	s.Write(b.text[max(len(b.text)-stderrTail+len(b.tail), stderrHead):])
	s.Write(b.tail[b.next:])
	s.Write(b.tail[:b.next])
	return s.String()
}

const leftOut = " bytes left out]"

// isLeftOut reports whether a line is the note of [stderrBuffer.String].
func isLeftOut(line string) bool {
	return strings.HasPrefix(line, "[") && strings.HasSuffix(line, leftOut)
}
