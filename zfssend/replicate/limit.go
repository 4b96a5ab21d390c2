package replicate

import (
	"sync"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Limiter bounds the bytes per second of all streams that share it. It must be made by NewLimiter, and may be used
// concurrently.
type Limiter struct {
	rate int64 // bytes per second

	mu   sync.Mutex
	free time.Time // when all that was taken so far has passed at that rate
}

// limiterBurst is what may pass at once after a pause, as a time of the rate.
const limiterBurst = 100 * time.Millisecond

// NewLimiter returns a Limiter of so many bytes per second, at least one.
func NewLimiter(rate int64) *Limiter { return &Limiter{rate: max(rate, 1)} }

// piece is the most that should be read at once, so that the rate is even.
func (l *Limiter) piece() int { return int(max(min(l.rate/20, 256<<10), 1)) }

// take takes n bytes, and returns how long to wait until they may pass.
func (l *Limiter) take(n int) time.Duration {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if earliest := now.Add(-limiterBurst); l.free.Before(earliest) {
		l.free = earliest
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	return l.free.Sub(now)
}

// limited is a sender that is read at a bounded rate.
type limited struct {
	zfssend.Sender
	limit *Limiter
}

// Read implements io.Reader. Close ends its waiting, too.
func (s limited) Read(p []byte) (int, error) {
	n, err := s.Sender.Read(p[:min(len(p), s.limit.piece())])
	if wait := s.limit.take(n); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.Done():
		}
	}
	return n, err
}
