package tracefmt

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Reader reads a trace. It is used by one goroutine.
type Reader interface {
	// Next returns the next event in the input's order, valid until the following call. It returns io.EOF after the
	// last complete event, an error that Is ErrTruncated if the input stops inside one, and a *SyntaxError for what
	// isn't in the format; failures of the underlying reader are wrapped. Errors are sticky.
	//
	// A track's Process or Track event comes before the first event on it, and may come again when more is known.
	Next() (*Event, error)
}

// BatchReader is the ability of a Reader to return many events at a time, which takes less time than one by one.
type BatchReader interface {
	// ReadEvents returns the next events, about as many as buf has room for. It puts them into the memory of buf, and uses
	// again what the events have there; they are the caller's, who may give them back as the buf of a later call. The
	// error is what Next would return after them.
	ReadEvents(buf []Event) ([]Event, error)
}

// ReadEvents reads the next events of any Reader as a BatchReader does.
func ReadEvents(r Reader, buf []Event) ([]Event, error) {
	if b, ok := r.(BatchReader); ok {
		return b.ReadEvents(buf)
	}
	buf = buf[:cap(buf)]
	for i := range buf {
		e, err := r.Next()
		if err != nil {
			return buf[:i], err
		}
		to := &buf[i]
		clear(to.Attrs)
		attrs := append(to.Attrs[:0], e.Attrs...)
		*to = *e
		to.Attrs = attrs
	}
	return buf, nil
}

// Writer writes a trace. It is used by one goroutine. Errors are those of the underlying writer, and sticky; events
// that the format can't express are lost, counted, and no error (see Loss).
type Writer interface {
	// Write adds an event. It keeps nothing of e, so the caller may reuse it.
	Write(e *Event) error
	// Flush hands everything so far to the underlying writer, as whole events in one call of Write. Where the format
	// is Streaming the output is loadable after it, even if the program dies then. Others do nothing.
	Flush() error
	// Close flushes and completes the output. It doesn't close the underlying writer. Only Close may follow it.
	Close() error
}

// Spiller is the ability of a Writer that holds the whole trace to put it into temporary files, see [os.TempDir], if it
// would take more than some bytes of memory. SetMemory is called before the first Write.
type Spiller interface {
	SetMemory(bytes int64)
}

// Mode says how much of a trace a format's writer holds in memory.
type Mode uint8

const (
	Streaming Mode = iota // what is open, not what has passed
	Windowed              // a bounded stretch of time
	Summing               // what is open, and sums of what has passed, written by Close
	Whole                 // everything, written by Close
)

func (m Mode) String() string {
	return [...]string{"streaming", "windowed", "summing", "whole"}[min(m, Whole)]
}

// Feature is something of the model that a format can keep when written and read back.
type Feature uint32

const (
	KeepsTimes    Feature = 1 << iota // starts and durations of slices, to the nanosecond
	KeepsOpen                         // slices whose end isn't known
	KeepsTracks                       // processes and tracks with names and numbers
	KeepsAttrs                        // attributes of slices, typed
	KeepsIDs                          // IDs and parents
	KeepsInstants                     // instants
	KeepsLogs                         // log lines
	KeepsCounters                     // counters
	KeepsFlows                        // flows
	KeepsAsync                        // async slices
	KeepsClock                        // snapshots of the wall clock

	KeepsAll = 1<<iota - 1
)

// Format describes a trace format and how to read and write it.
type Format struct {
	Name        string   // short and lower case, as given on a command line
	Description string   // one line
	Extensions  []string // of file names, with the dot; the first is the usual one
	MIMEType    string

	// Detect says how sure it is that an input that starts with prefix is in this format: from 0 (no) to 100. The
	// prefix has at most DetectBytes bytes, and is cut anywhere. From Certain on, no other format is asked when more
	// of the input is there.
	Detect func(prefix []byte) int

	NewReader func(io.Reader) Reader // nil if it can't be read
	NewWriter func(io.Writer) Writer // nil if it can't be written
	Mode      Mode                   // of the writer
	Packed    bool                   // the writer packs its output with gzip itself
	Keeps     Feature                // what a round trip keeps
	Spans     bool                   // what it keeps comes back as complete slices, in any order, in ns since 1970
}

// DetectBytes is how much of an input Detect functions get to see.
const DetectBytes = 4096

// Certain is what a Detect function returns if nothing that follows could change it. Inputs that come slowly, such as the
// end of a log that is being written, are read as soon as a format is certain.
const Certain = 95

var registry struct {
	sync.RWMutex
	formats []*Format
}

// Register makes a format known. Format packages call it when they are initialised. It panics if the name is taken.
func Register(f *Format) {
	registry.Lock()
	defer registry.Unlock()
	for _, known := range registry.formats {
		if known.Name == f.Name {
			panic("tracefmt: format registered twice: " + f.Name)
		}
	}
	registry.formats = append(registry.formats, f)
	slices.SortFunc(registry.formats, func(a, b *Format) int { return cmp.Compare(a.Name, b.Name) })
}

// Formats returns the known formats, sorted by name.
func Formats() []*Format {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Clone(registry.formats)
}

// Lookup returns the format with the given name, or nil.
func Lookup(name string) *Format {
	for _, f := range Formats() {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// ByExtension returns the format that a file of this name is expected to have, or nil. The final extension of a
// [Compression], such as ".gz", is ignored, unless a format has it in its own.
func ByExtension(path string) *Format {
	base := strings.ToLower(filepath.Base(path))
	if f := byExtension(base); f != nil {
		return f
	}
	if c := CompressionByExtension(base); c != nil {
		return byExtension(strings.TrimSuffix(base, c.Extension))
	}
	return nil
}

func byExtension(base string) *Format {
	var best *Format
	longest := 0
	for _, f := range Formats() {
		for _, ext := range f.Extensions {
			if len(ext) > longest && len(base) > len(ext) && strings.HasSuffix(base, ext) {
				best, longest = f, len(ext)
			}
		}
	}
	return best
}

// ErrUnknownFormat says that no known format looks like the input.
var ErrUnknownFormat = errors.New("unknown trace format")

// Detect returns the readable format that an input with this beginning most likely has, or nil.
func Detect(prefix []byte) *Format {
	best, _ := detect(prefix)
	return best
}

func detect(prefix []byte) (best *Format, highest int) {
	prefix = prefix[:min(len(prefix), DetectBytes)]
	for _, f := range Formats() {
		if f.NewReader == nil || f.Detect == nil {
			continue
		}
		if score := f.Detect(prefix); score > highest {
			best, highest = f, score
		}
	}
	return best, highest
}

// Copy writes all events of r to w and returns their number. It neither flushes nor closes w. If r fails, what could
// be read was written, and the error is r's.
func Copy(w Writer, r Reader) (n int64, err error) {
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if err := w.Write(e); err != nil {
			return n, fmt.Errorf("write trace: %w", err)
		}
		n++
	}
}
