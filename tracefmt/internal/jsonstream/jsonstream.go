// Package jsonstream reads JSON documents of any size value by value, for formats that are one object or array.
package jsonstream

import (
	"errors"
	"fmt"
	"io"

	stream "github.com/go-json-experiment/json/jsontext"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// DefaultMaxValue is the length in bytes of the longest value that is held at a time: a string, or a value that is read as
// a whole.
const DefaultMaxValue = 64 << 20

// Kinds of values, as Kind returns them.
const (
	Object = '{'
	Array  = '['
	String = '"'
	Number = '0'
	Null   = 'n'
)

// Decoder reads a document. Its errors aren't sticky; its user ends with the first one.
type Decoder struct {
	// MaxValue bounds the length of values, in bytes. What is buffered beyond may be as long again.
	MaxValue int64

	in      *input
	tokens  *stream.Decoder
	strings jsontext.Decoder
}

// input counts what is read, and stops where a value is too long.
type input struct {
	in      io.Reader
	read    int64
	decoder *Decoder
	err     error // from in, unless that is io.EOF
}

var errLong = errors.New("a value that is too long")

func (in *input) Read(p []byte) (n int, err error) {
	if d := in.decoder; in.read-d.Offset() > d.MaxValue {
		in.err = fmt.Errorf("%w: more than %d bytes", errLong, d.MaxValue)
		return 0, in.err
	}
	n, err = in.in.Read(p)
	in.read += int64(n)
	if err != nil && err != io.EOF {
		in.err = err
	}
	return n, err
}

// New returns a Decoder of in. A byte order mark is skipped.
func New(in io.Reader) *Decoder {
	counted := &input{in: in}
	d := &Decoder{in: counted, MaxValue: DefaultMaxValue}
	counted.decoder = d
	d.tokens = stream.NewDecoder(&withoutMark{in: counted},
		stream.AllowDuplicateNames(true), stream.AllowInvalidUTF8(true))
	return d
}

// Offset returns how far the document has been read, in bytes.
func (d *Decoder) Offset() int64 { return d.tokens.InputOffset() }

// Kind returns the first byte of the next value, with '0' for all numbers: see the constants. At the end of an object or
// array it is '}' or ']', and 0 where an error comes.
func (d *Decoder) Kind() byte { return byte(d.tokens.PeekKind()) }

// Object calls member for each member of the object that comes next; it must read or skip its value. Anything else than an
// object is skipped, and not ok.
func (d *Decoder) Object(member func(key string) error) (ok bool, err error) {
	if kind := d.Kind(); kind != Object && kind != 0 {
		return false, d.Skip()
	}
	if _, err := d.tokens.ReadToken(); err != nil {
		return false, err
	}
	for d.Kind() != '}' {
		key, err := d.tokens.ReadValue()
		if err != nil {
			return false, err
		}
		if err := member(d.strings.Text(key[1 : len(key)-1])); err != nil {
			return false, err
		}
	}
	_, err = d.tokens.ReadToken()
	return true, err
}

// Array calls element for each element of the array that comes next; it must read or skip it. Anything else than an array
// is skipped, and not ok.
func (d *Decoder) Array(element func() error) (ok bool, err error) {
	if kind := d.Kind(); kind != Array && kind != 0 {
		return false, d.Skip()
	}
	if _, err := d.tokens.ReadToken(); err != nil {
		return false, err
	}
	for d.Kind() != ']' {
		if err := element(); err != nil {
			return false, err
		}
	}
	_, err = d.tokens.ReadToken()
	return true, err
}

// Skip skips the next value.
func (d *Decoder) Skip() error { return d.tokens.SkipValue() }

// End returns an error if something other than white space follows.
func (d *Decoder) End() error {
	_, err := d.tokens.ReadToken()
	if err == io.EOF {
		return nil
	}
	if err == nil {
		err = errors.New("more text after the end of the document")
	}
	return err
}

// Text reads the next value, which is not ok if it isn't a string.
func (d *Decoder) Text() (text string, ok bool, err error) {
	v, err := d.tokens.ReadValue()
	if err != nil || v[0] != '"' {
		return "", false, err
	}
	return d.strings.Text(v[1 : len(v)-1]), true, nil
}

// Raw reads the next value, and returns its JSON text as it is. It is valid until the next value is read.
func (d *Decoder) Raw() ([]byte, error) { return d.tokens.ReadValue() }

// Value reads the next value as an attribute's.
func (d *Decoder) Value() (tracefmt.Value, error) {
	v, err := d.tokens.ReadValue()
	if err != nil {
		return tracefmt.Value{}, err
	}
	return d.ValueOf(v), nil
}

// ValueOf returns a JSON text that Raw returned as an attribute's value.
func (d *Decoder) ValueOf(raw []byte) tracefmt.Value {
	if c := raw[0]; c == '-' || jsontext.IsDigit(c) {
		return jsontext.NumberValue(raw)
	}
	v, _, _ := d.strings.Value(raw, 0) // it is valid JSON already
	return v
}

// Fail turns an error of the methods above into one of the format: a SyntaxError with the offset, which Is ErrTruncated
// if the input ends too early, or the underlying reader's. The event is that at which it happened, or 0.
func (d *Decoder) Fail(format string, event int64, err error) error {
	fault := &tracefmt.SyntaxError{Format: format, Event: event, Offset: d.Offset(), Err: err}
	var bad *stream.SyntacticError
	switch {
	case errors.Is(d.in.err, errLong):
		fault.Err = d.in.err
	case errors.Is(d.in.err, tracefmt.ErrTruncated):
		fault.Offset, fault.Err = d.in.read, d.in.err
	case d.in.err != nil:
		return fmt.Errorf("read %s trace: at byte %d: %w", format, d.in.read, d.in.err)
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		fault.Offset, fault.Err = d.in.read, tracefmt.ErrTruncated
	case errors.As(err, &bad):
		fault.Offset, fault.Err = bad.ByteOffset, bad.Err
	}
	return fault
}
