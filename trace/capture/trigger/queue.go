package trigger

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrClosed says that the watcher was closed before it could write a dump.
var ErrClosed = errors.New("dump trace: the watcher is closed")

// A TooSoonError says that there was a dump already within Config.Interval.
type TooSoonError struct {
	Wait time.Duration // until there may be one again
	Last string        // the file of the last dump; "" if it could not be written
}

func (e *TooSoonError) Error() string {
	last := "the last dump failed"
	if e.Last != "" {
		last = "the last dump is " + e.Last
	}
	return fmt.Sprintf("dump trace: it is too soon, %s: try again in %v", last, e.Wait.Round(time.Millisecond))
}

// maxCauses is how many causes of one dump are kept. More are counted.
const maxCauses = 64

// A queue holds what fired and isn't dumped yet.
type queue struct {
	delay, interval time.Duration
	wake            chan struct{} // has one when something came

	mu      sync.Mutex
	closed  bool
	causes  []Cause
	more    int
	at      time.Time // when the dump is due, if there are causes
	waiters []chan<- result
	dumped  bool      // there was a dump
	next    time.Time // there may be none before, if there was one
	last    string
}

// A result is what became of a dump.
type result struct {
	path string
	err  error
}

// add notes causes of the next dump.
func (q *queue) add(causes ...Cause) {
	if len(causes) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.addLocked(causes)
}

func (q *queue) addLocked(causes []Cause) {
	if q.closed {
		return
	}
	if len(q.causes) == 0 {
		q.at = time.Now().Add(q.delay)
		if q.dumped && q.at.Before(q.next) {
			q.at = q.next
		}
	}
	n := min(len(causes), maxCauses-len(q.causes))
	q.causes = append(q.causes, causes[:n]...)
	q.more += len(causes) - n
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// request adds a cause on behalf of somebody who wants the result.
func (q *queue) request(c Cause) (<-chan result, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, ErrClosed
	}
	if wait := time.Until(q.next); q.dumped && wait > 0 {
		return nil, &TooSoonError{Wait: wait, Last: q.last}
	}
	done := make(chan result, 1)
	q.waiters = append(q.waiters, done)
	q.addLocked([]Cause{c})
	return done, nil
}

// due returns a channel that tells when there is a dump to write; nil if nothing fired.
func (q *queue) due() <-chan time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.causes) == 0 {
		return nil
	}
	return time.After(time.Until(q.at))
}

// hurry makes what waits for what follows due, but not what waits for the interval to end.
func (q *queue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at = time.Now()
	if q.dumped && q.at.Before(q.next) {
		q.at = q.next
	}
}

// take returns what is due, if something is, and begins the next interval. force is for who can't wait.
func (q *queue) take(force bool) (causes []Cause, more int, waiters []chan<- result) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.causes) == 0 || !force && time.Now().Before(q.at) {
		return nil, 0, nil
	}
	causes, more, waiters = q.causes, q.more, q.waiters
	q.causes, q.more, q.waiters = nil, 0, nil
	q.dumped, q.next, q.last = true, time.Now().Add(q.interval), ""
	return causes, more, waiters
}

// wrote notes the last dump's file.
func (q *queue) wrote(path string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = path
}

// close lets down who waits.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, w := range q.waiters {
		w <- result{err: ErrClosed}
	}
	q.waiters = nil
}
