package capture

import (
	"bytes"
	"io"
)

// pageSize is the smallest unit in which kernels copy a write into a file. SIGKILL is heeded between two of them, so
// that it can cut a write(2) short at a multiple of this offset, and nowhere else.
const pageSize = 4096

// A pageWriter pads the text of Chrome JSON events with newlines so that none of them crosses a page boundary of the
// file (but for those larger than a page). So a file whose writer was killed ends with a whole event, and one that is
// read while it is written, too. The padding is about one part in fifty.
type pageWriter struct {
	w   io.Writer
	pos int // in the file
	buf []byte
}

var betweenEvents = []byte(",\n{")

var newlines = bytes.Repeat([]byte{'\n'}, pageSize)

// Write writes p, which consists of whole events, with one call.
func (w *pageWriter) Write(p []byte) (int, error) {
	w.buf = w.buf[:0]
	for rest := p; len(rest) > 0; {
		unit := rest
		if i := bytes.Index(rest[1:], betweenEvents); i >= 0 {
			unit = rest[:i+1]
		}
		rest = rest[len(unit):]
		if room := pageSize - (w.pos+len(w.buf))%pageSize; len(unit) > room && len(unit) <= pageSize {
			w.buf = append(w.buf, newlines[:room]...)
		}
		w.buf = append(w.buf, unit...)
	}
	n, err := w.w.Write(w.buf)
	w.pos += n
	if err != nil {
		return 0, err
	}
	return len(p), nil
}
