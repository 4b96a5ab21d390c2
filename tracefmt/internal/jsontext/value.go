package jsontext

import (
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// A Decoder turns scanned text into strings and values. The zero value is ready for use, by one goroutine.
type Decoder struct {
	Strings intern.Strings
	scratch []byte
}

// Text returns the text of a string that is known to be whole, given without its quotes.
func (d *Decoder) Text(text []byte) string {
	for _, c := range text {
		if !Plain[c] {
			return d.Decode(text)
		}
	}
	return d.Strings.Intern(text)
}

// Decode is Text for a string of which it is known that it isn't plain.
func (d *Decoder) Decode(text []byte) string {
	d.scratch = AppendDecoded(d.scratch[:0], text)
	return d.Strings.Intern(d.scratch)
}

// Value returns the value at b[i]. Integers keep all their digits; objects and arrays become compact JSON.
func (d *Decoder) Value(b []byte, i int) (v tracefmt.Value, end int, err error) {
	if i >= len(b) {
		return v, 0, ErrShort
	}
	switch c := b[i]; {
	case c == '"':
		end, isPlain, err := ScanString(b, i)
		if err != nil {
			return v, 0, err
		}
		if text := b[i+1 : end-1]; isPlain {
			v = tracefmt.String(d.Strings.Intern(text))
		} else {
			v = tracefmt.String(d.Decode(text))
		}
		return v, end, nil
	case c == '-' || IsDigit(c):
		if n, end, ok := smallInteger(b, i); ok {
			return tracefmt.Int64(n), end, nil
		}
		if end, err = ScanNumber(b, i); err != nil {
			return v, 0, err
		}
		return NumberValue(b[i:end]), end, nil
	case c == '{' || c == '[':
		if end, err = ScanValue(b, i, 0); err != nil {
			return v, 0, err
		}
		d.scratch = AppendScanned(d.scratch[:0], b[i:end])
		return tracefmt.RawJSON(d.Strings.Intern(d.scratch)), end, nil
	}
	if end, err = ScanLiteral(b, i); err != nil {
		return v, 0, err
	}
	switch b[i] {
	case 't':
		return tracefmt.Bool(true), end, nil
	case 'f':
		return tracefmt.Bool(false), end, nil
	}
	return tracefmt.RawJSON("null"), end, nil
}

// smallInteger reads an integer that isn't negative, and of which it is clear without a second look that it is one, where
// it ends, and that it fits. Most numbers are such.
func smallInteger(b []byte, i int) (n int64, end int, ok bool) {
	if b[i] == '0' {
		return 0, 0, false
	}
	end = i
	for ; end < len(b) && IsDigit(b[end]); end++ {
		n = n*10 + int64(b[end]-'0')
	}
	if end-i > 18 || end >= len(b) || end == i {
		return 0, 0, false
	}
	switch b[end] {
	case ',', '}', ']', ' ', '\n':
		return n, end, true
	}
	return 0, 0, false
}

// NumberValue returns a JSON number as an integer if it is written as one and fits, else as a float64, and as it is if
// it fits neither.
func NumberValue(text []byte) tracefmt.Value {
	isInteger := true
	for _, c := range text {
		if c == '.' || c|0x20 == 'e' {
			isInteger = false
			break
		}
	}
	if isInteger && text[0] != '-' && (len(text) <= 18 || len(text) == 19 && text[0] < '9') { // fits into 64 bits
		n := int64(0)
		for _, c := range text {
			n = n*10 + int64(c-'0')
		}
		return tracefmt.Int64(n)
	}
	s := string(text)
	if isInteger && s != "-0" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return tracefmt.Int64(n)
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return tracefmt.Uint64(n)
		}
		return tracefmt.RawJSON(s)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return tracefmt.Float64(f)
	}
	return tracefmt.RawJSON(s)
}
