package parquet

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/rows"
)

// Writer writes a trace as a Parquet file. Its memory is bounded by what is open, by the number of tracks, and by a row
// group. The file can't be read before Close has succeeded.
type Writer struct {
	out    *parquet.GenericWriter[columns]
	err    error
	closed bool
	rows   *rows.Maker

	batch []parquet.Row // memory for batch rows
	ready int           // how many of them are filled
	text  []byte        // their texts
	group int           // rows in the row group
	bytes int           // of text in the row group
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{batch: make([]parquet.Row, batch)}
	w.out = parquet.NewGenericWriter[columns](out, schema,
		parquet.Compression(newCodec()),
		parquet.DictionaryMaxBytes(maxDictionary),
		parquet.CreatedBy("spanstack", "1", ""))
	w.rows = rows.NewMaker(w.row)
	return w
}

// Losses returns what has no place in the table so far.
func (w *Writer) Losses() []tracefmt.Loss { return w.rows.Losses() }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.err == nil && w.closed {
		return fmt.Errorf("write parquet: it is closed")
	}
	if w.err == nil {
		w.rows.Add(e)
	}
	return w.err
}

// Flush does nothing: row groups are written when they are full.
func (w *Writer) Flush() error { return w.err }

// Close writes the rows of what is still open, and the index of the file.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err != nil {
		return w.err
	}
	w.rows.Finish()
	w.hand()
	if w.err == nil {
		w.out.SetKeyValueMetadata("spanstack.clock", w.rows.Clock())
		w.failed(w.out.Close())
	}
	return w.err
}

func (w *Writer) failed(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("write parquet: %w", err)
	}
}

// row adds a row to the batch.
func (w *Writer) row(r *rows.Row) {
	if w.err != nil {
		return
	}
	b := builder{w: w, row: w.batch[w.ready][:0]}
	b.text(string(r.Kind))
	b.optional(r.TraceID)
	b.optional(r.ID)
	b.optional(r.Parent)
	b.optional(r.Process)
	b.optional(r.PID.String())
	b.optional(r.Track)
	b.optional(r.TID.String())
	b.text(r.Name)
	b.optional(r.Category)
	b.value(parquet.Int64Value(r.Start), r.Clock == rows.UnixClock)
	b.add(parquet.Int64Value(r.Start), 0, 0)
	b.text(r.Clock)
	b.value(parquet.Int64Value(r.Dur), r.Dur >= 0)
	b.value(parquet.Int32Value(int32(r.Depth)), r.Depth >= 0)
	b.optional(r.Error)
	b.optional(r.Severity.String())
	b.optional(r.Series)
	number, isNumber := r.Value.Float64()
	if n, ok := r.Value.Int64(); ok && int64(number) != n {
		w.rows.Lost("counter's value, rounded to 53 bits")
	}
	b.value(parquet.DoubleValue(number), isNumber)
	b.attributes(r.Attrs)
	w.batch[w.ready] = b.row
	w.ready++
	if w.ready == batch || w.bytes >= bytesPerGroup {
		w.hand()
	}
}

// hand gives the batch to the library, which copies it, and ends the row group if it is full.
func (w *Writer) hand() {
	if w.err != nil {
		return
	}
	_, err := w.out.WriteRows(w.batch[:w.ready])
	w.failed(err)
	w.group += w.ready
	w.ready = 0
	if w.text = w.text[:0]; cap(w.text) > bytesPerGroup/8 {
		w.text = nil
	}
	if w.group+batch > rowsPerGroup || w.bytes >= bytesPerGroup {
		w.failed(w.out.Flush())
		w.group, w.bytes = 0, 0
	}
}

// builder makes the values of a row, a column after the other.
type builder struct {
	w      *Writer
	row    parquet.Row
	column int
}

// add adds a value with its repetition and definition levels.
func (b *builder) add(v parquet.Value, repetition, definition int) {
	b.row = append(b.row, v.Level(repetition, definition, b.column))
	b.column++
}

// value adds a value of a column that may be null.
func (b *builder) value(v parquet.Value, has bool) {
	if has {
		b.add(v, 0, 1)
	} else {
		b.add(parquet.NullValue(), 0, 0)
	}
}

func (b *builder) text(s string) { b.add(b.bytes(s), 0, 0) }

// optional adds a text that is null if it is empty.
func (b *builder) optional(s string) {
	if s == "" {
		b.value(parquet.Value{}, false)
	} else {
		b.value(b.bytes(s), true)
	}
}

// bytes returns a text as a value that is valid as long as the batch. What isn't UTF-8 becomes U+FFFD: Parquet's
// strings have to be.
func (b *builder) bytes(s string) parquet.Value {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	start := len(b.w.text)
	b.w.text = append(b.w.text, s...)
	b.w.bytes += len(s)
	return parquet.ByteArrayValue(b.w.text[start:])
}

// attributes adds the keys and the values of a map: the level of definition is 1 where there is an entry, and that of
// repetition where it isn't the first.
func (b *builder) attributes(attrs []tracefmt.Attr) {
	keys := b.column
	entries := func(text func(tracefmt.Attr) parquet.Value) {
		column := b.column
		if len(attrs) == 0 {
			b.add(parquet.NullValue(), 0, 0)
		}
		for i, a := range attrs {
			b.column = column
			b.add(text(a), min(i, 1), 1)
		}
	}
	entries(func(a tracefmt.Attr) parquet.Value { return b.bytes(a.Key) })
	b.column = keys + 1
	entries(func(a tracefmt.Attr) parquet.Value {
		if a.Value.Kind() == tracefmt.StringValue {
			return b.bytes(a.Value.String())
		}
		start := len(b.w.text)
		var lost string
		if b.w.text, lost = jsontext.AppendValue(b.w.text, a.Value); lost != "" {
			b.w.rows.Lost(lost)
		}
		b.w.bytes += len(b.w.text) - start
		return parquet.ByteArrayValue(b.w.text[start:])
	})
}
