package csv

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/output"
	"github.com/spanstack/spanstack/tracefmt/internal/rows"
)

// flushSize is the number of buffered bytes at which the Writer doesn't wait for a Flush.
const flushSize = 64 << 10

// Writer writes a trace as comma-separated values. Its memory is bounded by what is open and by the number of tracks.
type Writer struct {
	out    io.Writer
	buf    []byte
	json   []byte // an attributes cell, before it is quoted
	err    error
	closed bool
	rows   *rows.Maker
}

// NewWriter returns a Writer to out. Nothing is written before the first Flush, or the first 64 KiB.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out, buf: []byte(header)}
	w.rows = rows.NewMaker(w.row)
	return w
}

// Losses returns what has no place in the table so far.
func (w *Writer) Losses() []tracefmt.Loss { return w.rows.Losses() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return fmt.Errorf("write csv: it is closed")
	}
	w.rows.Add(e)
	if len(w.buf) >= flushSize {
		return w.flush()
	}
	return nil
}

// Flush writes all rows so far with one call of Write. Slices that are open aren't among them.
func (w *Writer) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if err := output.Flush(w.out, &w.buf); err != nil {
		w.err = fmt.Errorf("write csv: %w", err)
	}
	return w.err
}

// Close writes the rows of what is still open.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	w.rows.Finish()
	return w.flush()
}

// row adds a row to the buffer.
func (w *Writer) row(r *rows.Row) {
	w.buf = append(w.buf, r.Kind...)
	w.text(r.TraceID)
	w.text(r.ID)
	w.text(r.Parent)
	w.text(r.Process)
	w.text(r.PID.String())
	w.text(r.Track)
	w.text(r.TID.String())
	w.text(r.Name)
	w.text(r.Category)
	w.number(r.Start, true)
	w.text(r.Clock)
	w.number(r.Dur, r.Dur >= 0)
	w.number(int64(r.Depth), r.Depth >= 0)
	w.text(r.Error)
	w.text(r.Severity.String())
	w.text(r.Series)
	w.text(r.Value.String())
	w.buf = append(w.buf, ',')
	w.attributes(r.Attrs)
	w.buf = append(w.buf, "\r\n"...)
}

// text adds a comma and a cell.
func (w *Writer) text(s string) {
	w.buf = append(w.buf, ',')
	w.buf = appendCell(w.buf, s)
}

// number adds a comma and a cell, with nothing in it if there is no number.
func (w *Writer) number(n int64, has bool) {
	w.buf = append(w.buf, ',')
	if has {
		w.buf = strconv.AppendInt(w.buf, n, 10)
	}
}

// attributes adds a cell with a JSON object.
func (w *Writer) attributes(attrs []tracefmt.Attr) {
	if len(attrs) == 0 {
		return
	}
	w.json = append(w.json[:0], '{')
	for i, a := range attrs {
		if i > 0 {
			w.json = append(w.json, ',')
		}
		w.json = append(jsontext.AppendString(w.json, a.Key), ':')
		var lost string
		if w.json, lost = jsontext.AppendValue(w.json, a.Value); lost != "" {
			w.rows.Lost(lost)
		}
	}
	w.json = append(w.json, '}')
	w.buf = append(w.buf, '"')
	for _, c := range w.json {
		if c == '"' {
			w.buf = append(w.buf, '"')
		}
		w.buf = append(w.buf, c)
	}
	w.buf = append(w.buf, '"')
}

// appendCell adds a cell, quoted if need be. Bytes that aren't UTF-8 become U+FFFD: databases refuse them.
func appendCell(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	if !needsQuotes(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		dst = append(append(dst, s[:i+1]...), '"')
		s = s[i+1:]
	}
	return append(append(dst, s...), '"')
}

// needsQuotes reports whether a cell's text would be misread as it is. Some readers cut outer spaces off.
func needsQuotes(s string) bool {
	if s == "" {
		return false
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return true
	}
	for i := range len(s) {
		switch s[i] {
		case ',', '"', '\r', '\n':
			return true
		}
	}
	return false
}
