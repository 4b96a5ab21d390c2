package zstream

import (
	"errors"
	"fmt"
)

// What can be wrong with a stream, a token or a list. [Error] and [TokenError] say more, and match these by errors.Is.
var (
	// ErrChecksum means that a checksum doesn't fit what it covers: the data was changed on its way.
	ErrChecksum = errors.New("checksum mismatch")

	// ErrTruncated means that the data ends, or another stream begins, where more was to come. A damaged length looks the same.
	ErrTruncated = errors.New("truncated")

	// ErrFormat means that a field has a value that it can't have, or a record is where it can't be.
	ErrFormat = errors.New("bad format")

	// ErrUnsupported means a record type or a feature that this package doesn't know. OpenZFS up to 2.4 writes none.
	ErrUnsupported = errors.New("unsupported")
)

// Error tells what is wrong with a stream, and where.
type Error struct {
	// Offset is where the first record begins that may be the wrong one, in bytes from the start of the stream.
	Offset int64

	// Record is the type that this record says it has.
	Record RecordType

	// From and To bound the damage: what is wrong lies in the bytes of the stream from From up to, not including, To.
	// A record's checksum is in its header, and covers what was sent before it, so that damaged data is found when the
	// next header arrives: the range then is the data and that header.
	From, To int64

	// Err matches ErrChecksum, ErrTruncated, ErrFormat or ErrUnsupported, or is what a callback returned.
	Err error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("verify zfs stream: %v record at byte %d: %v", e.Record, e.Offset, e.Err)
	if errors.Is(e.Err, ErrChecksum) {
		s += fmt.Sprintf(" in bytes %d to %d", e.From, e.To-1)
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
