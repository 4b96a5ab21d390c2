package remote

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// kind says what a frame is. Its byte and a length of three bytes, big-endian, stand before its contents.
type kind byte

const (
	kindPart   kind = 'p' // a piece of a JSON text that goes on in the next frame
	kindJSON   kind = 'j' // the last piece of a request, or of a result
	kindData   kind = 'd' // a piece of a stream
	kindBeat   kind = 'h' // a sign of life, empty
	kindBegun  kind = 'b' // zfs runs, empty
	kindEnd    kind = 'e' // the stream that is sent is whole, empty
	kindAbort  kind = 'a' // the stream that is sent ends before its time: a fault, in one frame
	kindStatus kind = 's' // the last piece of how a request ended; nothing counts after it
)

const (
	headerSize = 4
	maxFrame   = 1 << 20 // bytes of contents
)

// errTruncated says that a body came to its end before the frame that says how it ended.
var errTruncated = errors.New("it breaks off before its end")

// ProtocolError says that the other side doesn't keep to the protocol: it is another program, or it is hostile.
type ProtocolError struct{ Reason string }

// Error implements error.
func (e *ProtocolError) Error() string { return "the other side breaks the protocol: " + e.Reason }

func violation(format string, args ...any) error {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}

// putHeader writes a frame's header.
func putHeader(p []byte, k kind, length int) {
	binary.BigEndian.PutUint32(p, uint32(k)<<24|uint32(length))
}

// appendFrame appends a frame whose contents fit into one.
func appendFrame(b []byte, k kind, contents []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(k)<<24|uint32(len(contents)))
	return append(b, contents...)
}

// appendText appends a text in as many frames as it takes, the last one of the given kind.
func appendText(b []byte, k kind, text []byte) []byte {
	for len(text) > maxFrame {
		b = appendFrame(b, kindPart, text[:maxFrame])
		text = text[maxFrame:]
	}
	return appendFrame(b, k, text)
}

// frameReader reads frames. It trusts no length, and is for one goroutine at a time.
type frameReader struct {
	r      io.Reader
	left   int // of the contents of the present frame
	waits  *silence
	header [headerSize]byte
}

// next goes to the next frame, signs of life left out, and returns what it is and how long its contents are.
func (f *frameReader) next() (kind, int, error) {
	for {
		if f.left > 0 {
			return 0, 0, violation("a frame of %d bytes is longer than it may be here", f.left)
		}
		f.waits.begin()
		_, err := io.ReadFull(f.r, f.header[:])
		f.waits.end()
		if err != nil {
			return 0, 0, broken(err)
		}
		word := binary.BigEndian.Uint32(f.header[:])
		k, length := kind(word>>24), int(word&(1<<24-1))
		if err := k.check(length); err != nil {
			return 0, 0, err
		}
		if k != kindBeat {
			f.left = length
			return k, length, nil
		}
	}
}

func (k kind) check(length int) error {
	switch k {
	case kindBeat, kindBegun, kindEnd:
		if length != 0 {
			return violation("a frame %q with %d bytes, where there can be none", byte(k), length)
		}
	case kindPart, kindJSON, kindData, kindAbort, kindStatus:
		if length > maxFrame {
			return violation("a frame of %d bytes; maximum is %d", length, maxFrame)
		}
	default:
		return violation("a frame of unknown kind %q", byte(k))
	}
	return nil
}

// broken turns the end of a body in the wrong place into an error that says so.
func broken(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

// read reads from the contents of the present frame, at least a byte unless it is at its end.
func (f *frameReader) read(p []byte) (int, error) {
	if f.left == 0 || len(p) == 0 {
		return 0, nil
	}
	f.waits.begin()
	n, err := f.r.Read(p[:min(len(p), f.left)])
	f.waits.end()
	f.left -= n
	if n > 0 {
		return n, nil // an error comes again
	}
	return 0, broken(err)
}

// message reads a text from its first frame, which next has returned, to its last one, and returns the kind of that.
func (f *frameReader) message(k kind, most int64) (kind, []byte, error) {
	var text []byte
	for {
		if k != kindPart && k != kindJSON && k != kindStatus && k != kindAbort {
			return k, nil, violation("a frame %q in the middle of a text", byte(k))
		}
		if int64(len(text)+f.left) > most {
			return k, nil, violation("a text of more than %d bytes", most)
		}
		at := len(text)
		text = append(text, make([]byte, f.left)...)
		for at < len(text) {
			n, err := f.read(text[at:])
			if at += n; err != nil {
				return k, nil, err
			}
		}
		if k != kindPart {
			return k, text, nil
		}
		var err error
		if k, _, err = f.next(); err != nil {
			return k, nil, err
		}
	}
}

// decode decodes what came from the other side.
func decode(text []byte, into any) error {
	if err := json.Unmarshal(text, into); err != nil {
		return violation("bad JSON: %v", err)
	}
	return nil
}
