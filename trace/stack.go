package trace

import (
	"strconv"
	"strings"
)

// The ID stack's text: '/' opens a task, '.' a span in it, '~' an async span, and '/' ends it, so that every member
// is delimited on both sides, and appending a stack to another one gives a stack.
const (
	stackTask  = '/'
	stackSpan  = '.'
	stackAsync = '~'
)

// MaxStack is how many members an ID stack shows. Of a deeper one the first and the last are shown, and in their
// middle a member like "/+17/" counts those left out.
const MaxStack = 32

// Stack returns the path of IDs from the root task to this task or span, ancestors first, such as
//
//	/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ccccccccccccc.ddddddddddddd/
//
// for a span d in a task c that was started in the span b of the root task a. Searching logs for a member finds all
// lines of its subtree. It is rendered once a span. On a nil span it is "".
func (s *Span) Stack() string {
	if s == nil {
		return ""
	}
	if x := s.extra.Load(); x != nil {
		if p := x.stack.Load(); p != nil {
			return *p
		}
		text := s.renderStack()
		x.stack.Store(&text)
		return text
	}
	both := &struct {
		x    extra
		text string
	}{text: s.renderStack()}
	s.extra.CompareAndSwap(nil, &both.x)
	s.extra.Load().stack.Store(&both.text)
	return both.text
}

func (s *Span) renderStack() string {
	depth, root := 1, s
	for ; root.parent != nil; root = root.parent {
		depth++
	}
	var b strings.Builder
	b.Grow(min(depth, MaxStack+1)*(idWidth+1) + 1)
	if root.kind == kindRemote {
		b.WriteString(strings.TrimSuffix(root.Stack(), string(stackTask)))
		depth--
	}
	if depth > MaxStack {
		if root.kind != kindRemote {
			root.writeStack(&b, 1)
			depth--
		}
		b.WriteString(string(stackTask) + "+" + strconv.Itoa(depth-(MaxStack-1)))
		depth = MaxStack - 1
	}
	s.writeStack(&b, depth)
	b.WriteByte(stackTask)
	return b.String()
}

// writeStack writes the last n members of the path to s.
func (s *Span) writeStack(b *strings.Builder, n int) {
	if n > 1 {
		s.parent.writeStack(b, n-1)
	}
	var member [1 + idWidth]byte
	b.Write(s.id.append(append(member[:0], s.stackMark())))
}

func (s *Span) stackMark() byte {
	switch s.kind {
	case KindTask:
		return stackTask
	case KindSpan:
		return stackSpan
	}
	return stackAsync
}
