package jsontext

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// Input is the text that a reader of JSON has before it, of which it parses one value after the other. Its memory is
// bounded by the longest of these.
type Input struct {
	In       io.Reader
	Format   string // the format's name, for errors
	MaxValue int    // bytes of the longest value
	Event    int64  // the number of the event that is being read, for errors

	Buf  []byte
	Pos  int   // Buf[:Pos] is done with
	Base int64 // where Buf[0] is in the input

	err error // from In; io.EOF at its end
}

const (
	firstBuffer = 16 << 10 // bytes; it grows up to the usual size with the input, and further with a long value
	usualBuffer = 256 << 10
	maxIdle     = 100 // reads without a byte
)

// Offset returns where the next byte is in the input.
func (in *Input) Offset() int64 { return in.Base + int64(in.Pos) }

// Peek returns the next byte that isn't white space. The error is the input's, io.EOF at its end.
func (in *Input) Peek() (byte, error) {
	for {
		in.Pos = SkipSpace(in.Buf, in.Pos)
		if in.Pos < len(in.Buf) {
			return in.Buf[in.Pos], nil
		}
		if err := in.more(); err != nil {
			return 0, err
		}
	}
}

// SkipByteOrderMark skips a mark of UTF-8, which some programs put at the beginning, and reports whether there is one.
func (in *Input) SkipByteOrderMark() (skipped bool, err error) {
	mark := []byte("\ufeff")
	for bytes.HasPrefix(mark, in.Buf[in.Pos:]) {
		if err := in.more(); err != nil {
			return false, in.Cut(err)
		}
	}
	if skipped = bytes.HasPrefix(in.Buf[in.Pos:], mark); skipped {
		in.Pos += len(mark)
	}
	return skipped, nil
}

// Skip skips the value at the next byte.
func (in *Input) Skip() error {
	return in.Try(func(b []byte, i int) (int, error) { return ScanValue(b, i, 0) })
}

// Try has the value at the next byte parsed, and skips it. If it goes on beyond the bytes at hand, that is ErrShort, it
// is parsed again from its beginning when there are more.
func (in *Input) Try(parse func(b []byte, i int) (end int, err error)) error {
	for {
		end, err := parse(in.Buf, in.Pos)
		if err == nil {
			in.Pos = end
			return nil
		}
		if err != ErrShort {
			if bad, ok := errors.AsType[*Bad](err); ok {
				return in.Syntax(bad.At, "%s", bad.What)
			}
			return in.Syntax(in.Pos, "%w", err)
		}
		had := len(in.Buf) - in.Pos
		if had > in.MaxValue {
			return in.Syntax(in.Pos, "a value of more than %d bytes", in.MaxValue)
		}
		for len(in.Buf)-in.Pos < 2*had+1 { // not each time a little more
			if err := in.more(); err == io.EOF && len(in.Buf)-in.Pos > had {
				break
			} else if err != nil {
				return in.Cut(err)
			}
		}
	}
}

// Whole reports whether the value at the next byte is in Buf from its beginning to its end. It reads on for that, but
// not beyond so many bytes.
func (in *Input) Whole(limit int) bool {
	for {
		_, err := ScanValue(in.Buf, in.Pos, 0)
		had := len(in.Buf) - in.Pos
		if err != ErrShort || had >= limit {
			return err == nil
		}
		for len(in.Buf)-in.Pos < 2*had+1 {
			if in.more() == nil {
				continue
			}
			if len(in.Buf)-in.Pos == had {
				return false
			}
			break
		}
	}
}

// more reads more bytes behind those that aren't done with. It returns the input's error if there are none.
func (in *Input) more() error {
	if len(in.Buf) == cap(in.Buf) {
		left := in.Buf[in.Pos:]
		to := in.Buf[:0]
		if len(left) > cap(in.Buf)/2 || cap(in.Buf) < usualBuffer {
			to = make([]byte, 0, max(firstBuffer, 2*cap(in.Buf)))
		}
		in.Base += int64(in.Pos)
		in.Buf = append(to, left...)
		in.Pos = 0
	}
	for range maxIdle {
		if in.err != nil {
			return in.err
		}
		var n int
		n, in.err = in.In.Read(in.Buf[len(in.Buf):cap(in.Buf)])
		if in.Buf = in.Buf[:len(in.Buf)+n]; n > 0 {
			return nil
		}
	}
	in.err = io.ErrNoProgress
	return in.err
}

// Syntax returns an error about the byte at an index of Buf.
func (in *Input) Syntax(at int, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &tracefmt.SyntaxError{Format: in.Format, Event: in.Event, Offset: in.Base + int64(at), Err: err}
}

// Cut words the end or failure of the input inside of something.
func (in *Input) Cut(err error) error {
	end := in.Base + int64(len(in.Buf))
	if err == io.EOF || errors.Is(err, tracefmt.ErrTruncated) {
		return &tracefmt.SyntaxError{Format: in.Format, Event: in.Event, Offset: end, Err: tracefmt.ErrTruncated}
	}
	return fmt.Errorf("read %s trace: at byte %d: %w", in.Format, end, err)
}
