package remote

import (
	"sync"
	"time"
)

// silence calls a function when a wait for the other side has taken too long. A nil one never does.
type silence struct {
	bound time.Duration
	timer *time.Timer

	mu      sync.Mutex
	stopped bool
}

func newSilence(bound time.Duration, expired func()) *silence {
	s := &silence{bound: bound}
	s.timer = time.AfterFunc(bound, func() {
		s.mu.Lock() // so that nothing happens after stop
		defer s.mu.Unlock()
		if !s.stopped {
			expired()
		}
	})
	s.timer.Stop()
	return s
}

// begin and end enclose a wait.
func (s *silence) begin() {
	if s != nil {
		s.timer.Reset(s.bound)
	}
}

func (s *silence) end() {
	if s != nil {
		s.timer.Stop()
	}
}

// stop returns once the function neither runs nor will.
func (s *silence) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.timer.Stop()
}
