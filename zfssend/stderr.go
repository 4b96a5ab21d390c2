package zfssend

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

const (
	stderrHead = 8 << 10  // bytes kept of the beginning of stderr, where the first error stands
	stderrTail = 24 << 10 // and of its end, where the last one stands

	stderrLine  = 1 << 10 // bytes of a line that are told
	stderrLines = 100     // lines that are told; a chatty zfs send must not fill the flight recorder
)

// stderrBuffer keeps the head and the tail of what is written to it, and takes everything: a child whose stderr isn't
// drained blocks. It may be read while it is written.
type stderrBuffer struct {
	mu      sync.Mutex
	head    []byte
	tail    []byte // a ring once it is full
	next    int    // where the ring is written next
	omitted int64  // bytes that left the ring

	line    func(string) // if not nil, is told the first lines as they come
	partial []byte       // of the line that isn't complete yet
	lines   int          // that were told
}

// Write never fails.
func (b *stderrBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(p)
	b.tell(p)
	k := min(len(p), stderrHead-len(b.head))
	b.head, p = append(b.head, p[:k]...), p[k:]
	k = min(len(p), stderrTail-len(b.tail))
	b.tail, p = append(b.tail, p[:k]...), p[k:]
	for len(p) > 0 {
		k = copy(b.tail[b.next:], p)
		p, b.next = p[k:], (b.next+k)%stderrTail
		b.omitted += int64(k)
	}
	return n, nil
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

// String returns head and tail, with a note between them if something is missing there.
func (b *stderrBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s strings.Builder
	s.Write(b.head)
	if b.omitted > 0 {
		fmt.Fprintf(&s, "\n[%d bytes left out]\n", b.omitted)
	}
	s.Write(b.tail[b.next:])
	s.Write(b.tail[:b.next])
	return s.String()
}
