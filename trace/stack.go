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
	x := s.extras()
	if p := x.stack.Load(); p != nil {
		return *p
	}
	text := s.renderStack()
	x.stack.Store(&text)
	return text
}

func (s *Span) renderStack() string {
	depth, root := 1, s
	for ; root.parent != nil; root = root.parent {
		depth++
	}
	var b []byte
	if root.kind == kindRemote {
		b = append(b, strings.TrimSuffix(root.Stack(), string(stackTask))...)
		depth--
	}
	if depth <= MaxStack {
		return string(append(s.appendStack(b, depth), stackTask))
	}
	if root.kind != kindRemote {
		b = root.id.append(append(b, root.stackMark()))
		depth--
	}
	b = append(b, stackTask, '+')
	b = strconv.AppendInt(b, int64(depth-(MaxStack-1)), 10)
	return string(append(s.appendStack(b, MaxStack-1), stackTask))
}

// appendStack appends the last n members of the path to s.
func (s *Span) appendStack(b []byte, n int) []byte {
	if n > 1 {
		b = s.parent.appendStack(b, n-1)
	}
	return s.id.append(append(b, s.stackMark()))
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
