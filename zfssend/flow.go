package zfssend

import (
	"io"
	"net"
	"os"
	"syscall"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// copyBuffer is the size in bytes of the pieces in which streams are copied: a fraction of the pipe, so that both
// sides of it have work at a time.
const copyBuffer = 256 << 10

// flow carries a stream from zfs send's pipe to a writer.
type flow struct {
	from *SendStream
	to   io.Writer
	via  *transfer // of the Receive that the writer belongs to; nil if it belongs to none
	n    int64     // bytes that the writer took
	told bool      // via knows the stream's first record
}

// run carries the rest of the stream. It returns io.EOF as readErr at the end of a complete stream, and either readErr or
// writeErr otherwise.
func (f *flow) run() (readErr, writeErr error) {
	if f.from.closed.Load() {
		return f.from.outOf(f.from.State()), nil
	}
	if f.from.gate != nil {
		return f.copyVerified()
	}
	var buf []byte
	out := spliceable(f.to)
	for {
		if out != nil && len(f.from.rest) == 0 && f.from.opening.passed {
			if readErr, writeErr, ok := f.splice(out); ok {
				return readErr, writeErr
			}
			out = nil
		}
		switch {
		case out != nil && !f.from.opening.passed:
			buf = make([]byte, zstream.HeaderSize-len(f.from.opening.head)) // all that follows is spliced
		case len(buf) < copyBuffer:
			buf = make([]byte, copyBuffer)
		}
		n, readErr := f.from.readPlain(buf, f.via)
		f.tell()
		if written, writeErr := f.write(buf[:n]); writeErr != nil {
			f.from.rest = append(buf[written:n:n], f.from.rest...)
			return nil, writeErr
		}
		if readErr != nil {
			return readErr, nil
		}
	}
}

func (f *flow) copyVerified() (readErr, writeErr error) {
	if out := spliceable(f.to); out != nil {
		if readErr, writeErr, ok := f.spliceVerified(out); ok {
			return readErr, writeErr
		}
	}
	for {
		piece, readErr := f.from.gate.next(f.via)
		f.tell()
		if readErr != nil {
			return readErr, nil
		}
		if written, writeErr := f.write(piece); writeErr != nil {
			f.from.gate.r -= len(piece) - written
			return nil, writeErr
		}
	}
}

// tell tells the Receive what it gets.
func (f *flow) tell() {
	if f.via == nil || f.told {
		return
	}
	if b := f.from.Begin(); b != nil {
		f.told = true
		_ = f.via.saw(b) // it expects nothing, or it would look for itself
	}
}

func (f *flow) write(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	f.beginWrite()
	n, err = f.to.Write(p)
	f.endWrite()
	n = min(max(n, 0), len(p)) // it is somebody else's
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	f.passed(n)
	return n, err
}

// passed counts n bytes that the writer took.
func (f *flow) passed(n int) {
	f.n += int64(n)
	if f.via != nil {
		f.via.count(n)
	}
}

// beginWrite and endWrite enclose a time of waiting for the writer.
func (f *flow) beginWrite() {
	f.from.startWait(&f.from.writing)
	if f.via != nil {
		f.via.startWait(&f.via.writing)
	}
}

func (f *flow) endWrite() {
	f.from.endWait(&f.from.writing)
	if f.via != nil {
		f.via.endWait(&f.via.writing)
	}
}

// isStream reports whether a socket is one of bytes and not of messages.
func isStream(raw syscall.RawConn) (yes bool) {
	err := raw.Control(func(fd uintptr) {
		kind, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE)
		yes = err == nil && kind == syscall.SOCK_STREAM
	})
	return yes && err == nil
}

// spliceable returns the descriptor of a pipe or stream socket, nil for all else. A writer that isn't exactly of one of
// these types might do more than to pass on what is written.
func spliceable(w io.Writer) (raw syscall.RawConn) {
	switch w := w.(type) {
	case *os.File:
		st, err := w.Stat()
		if err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
			return nil
		}
		if raw, _ = w.SyscallConn(); raw != nil && st.Mode()&os.ModeSocket != 0 && !isStream(raw) {
			return nil
		}
	case *net.TCPConn:
		raw, _ = w.SyscallConn()
	case *net.UnixConn:
		if w.LocalAddr().Network() == "unix" {
			raw, _ = w.SyscallConn()
		}
	}
	return raw
}
