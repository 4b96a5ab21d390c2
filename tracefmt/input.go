package tracefmt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

var gzipMagic = []byte{0x1f, 0x8b}

// Input is a trace whose format was found by looking at its content.
type Input struct {
	Reader
	Format *Format
	Gzip   bool // it was packed with gzip; offsets in errors count unpacked bytes
}

// Losses returns what the format's reader lost so far.
func (in *Input) Losses() []Loss { return LossesOf(in.Reader) }

// NewReader returns a Reader of whatever format r's content has, packed with gzip or not. It reads the beginning of r,
// and no more than there is if that suffices.
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
	return &Input{Reader: f.NewReader(content), Format: f, Gzip: packed}, nil
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

// unpack returns r's content, unpacked if it is packed with gzip.
func unpack(r io.Reader) (content *bufio.Reader, packed bool, err error) {
	br := bufio.NewReaderSize(r, 64<<10)
	magic, _ := br.Peek(len(gzipMagic))
	if !bytes.Equal(magic, gzipMagic) {
		return br, false, nil
	}
	zr, err := gzip.NewReader(br)
	if err != nil {
		return nil, true, gzipError(err)
	}
	return bufio.NewReaderSize(&gzipContent{zr}, 64<<10), true, nil
}

// gzipContent words a gzip stream's errors.
type gzipContent struct{ zr *gzip.Reader }

func (g *gzipContent) Read(p []byte) (int, error) {
	n, err := g.zr.Read(p)
	if err != nil && err != io.EOF {
		err = gzipError(err)
	}
	return n, err
}

// gzipError turns a cut-off stream into ErrTruncated.
func gzipError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return fmt.Errorf("gzip: %w", ErrTruncated)
	}
	return err
}
