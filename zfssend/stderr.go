package zfssend

import (
	"fmt"
	"strings"
	"sync"
)

const (
	stderrHead = 8 << 10  // bytes kept of the beginning of stderr, where the first error stands
	stderrTail = 24 << 10 // and of its end, where the last one stands
)

// stderrBuffer keeps the head and the tail of what is written to it, and takes everything: a child whose stderr isn't
// drained blocks. It may be read while it is written.
type stderrBuffer struct {
	mu      sync.Mutex
	head    []byte
	tail    []byte // a ring once it is full
	next    int    // where the ring is written next
	omitted int64  // bytes that left the ring
}

// Write never fails.
func (b *stderrBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(p)
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
