package tracefmt

import (
	"bufio"
	"fmt"
	"io"
)

// Input is a trace whose format was found by looking at its content.
type Input struct {
	Reader
	Format *Format
	Packed string // the name of its Compression, "" if none; offsets in errors count unpacked bytes
}

// Losses returns what the format's reader lost so far.
func (in *Input) Losses() []Loss { return LossesOf(in.Reader) }

// ReadEvents implements [BatchReader].
func (in *Input) ReadEvents(buf []Event) ([]Event, error) { return ReadEvents(in.Reader, buf) }

// NewReader returns a Reader of whatever format r's content has, packed or not (see [Compression]). It reads the beginning
// of r, and no more than there is if that suffices.
// The error Is ErrUnknownFormat if no format fits; it Is ErrTruncated too if there is no content at all.
func NewReader(r io.Reader) (*Input, error) {
	content, packed, err := unpack(r)
	if err != nil {
		return nil, fmt.Errorf("detect trace format: %w", err)
	}
	f, prefix, err := look(content)
	if len(prefix) == 0 {
		if err == io.EOF {
			return nil, fmt.Errorf("detect trace format: %w: %w: there is nothing in it", ErrUnknownFormat, ErrTruncated)
		}
		return nil, fmt.Errorf("detect trace format: %w", err)
	}
	if f == nil {
		return nil, fmt.Errorf("detect trace format: %w: it begins with %q", ErrUnknownFormat, prefix[:min(len(prefix), 24)])
	}
	return &Input{Reader: f.NewReader(content), Format: f, Packed: packed}, nil
}

// look finds the format of content by its beginning, which it returns, too.
func look(content *bufio.Reader) (f *Format, prefix []byte, err error) {
	for n := 1; ; n = len(prefix) + 1 {
		_, err = content.Peek(n)
		prefix, _ = content.Peek(min(content.Buffered(), DetectBytes))
		var sure int
		if f, sure = detect(prefix); sure >= Certain || err != nil || len(prefix) == DetectBytes {
			return f, prefix, err
		}
	}
}

// unpack returns r's content, unpacked if it is packed in a way that is known.
func unpack(r io.Reader) (content *bufio.Reader, packed string, err error) {
	br := bufio.NewReaderSize(r, 64<<10)
	c := sniff(br.Peek)
	if c == nil {
		return br, "", nil
	}
	in, err := c.NewReader(br)
	if err != nil {
		return nil, c.Name, unpackError(c.Name, err)
	}
	return bufio.NewReaderSize(&unpacked{c.Name, in}, 64<<10), c.Name, nil
}
