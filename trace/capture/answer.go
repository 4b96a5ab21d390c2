package capture

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/spanstack/spanstack/tracefmt"
)

const (
	clientTimeout = time.Minute     // a client that takes nothing for so long is gone
	endTimeout    = 2 * time.Second // the same when the server ends
)

// An answer is the body of a response that takes its time. What is written is seen by the client after Flush.
type answer struct {
	rc    *http.ResponseController
	out   io.Writer
	gz    *gzip.Writer // nil: not packed
	dirty bool

	mu     sync.Mutex
	ending bool // the request's context has ended
	closed bool
	undo   func() bool
}

// answer begins an answer: the headers are set, and nothing of it is written.
func (r *request) answer(w http.ResponseWriter, contentType string, packable bool) *answer {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Add("Vary", "Accept, Accept-Encoding")
	a := &answer{rc: http.NewResponseController(w), out: w}
	if packable && acceptsGzip(r.Header) {
		h.Set("Content-Encoding", "gzip")
		if r.Method != http.MethodHead {
			a.gz = gzip.NewWriter(w)
			a.out = a.gz
		}
	}
	if r.ProtoMajor == 1 {
		h.Set("Connection", "close") // the deadlines below are those of the connection
	}
	if r.Method == http.MethodHead {
		return a
	}
	a.undo = context.AfterFunc(r.Context(), a.end)
	return a
}

// end leaves a little time for what is being written.
func (a *answer) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ending = true
	if !a.closed {
		_ = a.rc.SetWriteDeadline(time.Now().Add(endTimeout)) // there may be none in tests
	}
}

// more gives the client time for what is written next.
func (a *answer) more() {
	a.mu.Lock()
	defer a.mu.Unlock()
	patience := clientTimeout
	if a.ending {
		patience = endTimeout
	}
	_ = a.rc.SetWriteDeadline(time.Now().Add(patience))
}

// Write adds to the answer. It blocks while the client takes nothing.
func (a *answer) Write(p []byte) (int, error) {
	a.more()
	a.dirty = true
	return a.out.Write(p)
}

// Flush shows the client what was written. When packed, that ends with a whole deflate block.
func (a *answer) Flush() error {
	if !a.dirty {
		return nil
	}
	a.dirty = false
	if a.gz != nil {
		if err := a.gz.Flush(); err != nil {
			return err
		}
	}
	a.show()
	return nil
}

// show sends what there is. Where that is impossible the client has to wait; where it fails the next write does.
func (a *answer) show() {
	a.more()
	_ = a.rc.Flush()
}

// Close completes the answer. It is to be called before the handler returns.
func (a *answer) Close() error {
	var err error
	if a.gz != nil {
		err = a.gz.Close()
	}
	if a.undo != nil {
		a.undo()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return err
}

// file begins an answer that is a trace.
func (r *request) file(w http.ResponseWriter, f *tracefmt.Format) *answer {
	ext := "." + f.Name
	if len(f.Extensions) > 0 {
		ext = f.Extensions[0]
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(time.Now(), ext)+`"`)
	contentType := f.MIMEType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	return r.answer(w, contentType, !strings.HasSuffix(ext, ".gz"))
}

// fileName names a file after the program, its process and the time.
func fileName(now time.Time, ext string) string {
	name := strings.Map(func(c rune) rune {
		if c < 0x80 && (unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-_.", c)) {
			return c
		}
		return '_'
	}, filepath.Base(os.Args[0])+"-"+strconv.Itoa(os.Getpid())+now.UTC().Format("-20060102T150405Z")+ext)
	return strings.TrimLeft(name, ".")
}
