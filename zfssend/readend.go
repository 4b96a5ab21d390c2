package zfssend

import (
	"os"
	"sync"
	"syscall"
	"time"
)

// readEnd is our end of the pipe from zfs send. It may be closed at any time, which wakes up who waits for data. All
// else is for one goroutine at a time.
//
// zfs send writes each record as a header and a block. As long as the runtime's poller knows the pipe, each of these
// writes wakes it up, and with it a thread or two: on two busy processors, a tenth of a replication's speed. So the
// goroutine that moves a stream on takes the pipe away from the poller where that pays, and looks at it from time to
// time (see [readEnd.try]).
type readEnd struct {
	mu   sync.Mutex // against a change of file while it is closed
	file *os.File

	size  int           // of the pipe
	quiet bool          // the poller doesn't know it
	nap   time.Duration // between looks at it then
	since time.Time
	bytes int64 // that have come since
}

func newReadEnd(file *os.File, size int) *readEnd {
	return &readEnd{file: file, size: size, since: time.Now()}
}

// Read waits for data by the poller.
func (e *readEnd) Read(p []byte) (int, error) {
	if err := e.setQuiet(false); err != nil {
		return 0, err
	}
	return e.current().Read(p)
}

// Close may be called several times.
func (e *readEnd) Close() error {
	e.mu.Lock() // until it is closed, or it could just be duplicated
	defer e.mu.Unlock()
	return e.file.Close()
}

// SyscallConn returns what the pipe is until it becomes quiet, or ceases to be.
func (e *readEnd) SyscallConn() (syscall.RawConn, error) { return e.current().SyscallConn() }

func (e *readEnd) current() *os.File {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.file
}
