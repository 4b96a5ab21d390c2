package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
)

// A memberWriter packs a trace as gzip members, each complete, so that the file can be unpacked up to where it ends at any
// moment. As those of a pageWriter, its units don't cross page boundaries, which is where a kill cuts a write.
//
// Facts: RFC 1952 sections 2.2 (members follow each other) and 2.3 (header). Go's reader takes comments up to 511 bytes,
// extra fields of any size.
type memberWriter struct {
	w      io.Writer
	split  bool    // may be packed in several pieces, as whole Chrome JSON events
	pos    int     // in the file
	ratio  float64 // of the last member
	zw     *gzip.Writer
	member bytes.Buffer
	buf    []byte
}

const (
	headerSize = 10 // of a member without options
	flagExtra  = 1 << 2
	flagNote   = 1 << 4 // FCOMMENT

	minPiece = 2 << 10
)

func newMemberWriter(w io.Writer, split bool) *memberWriter {
	m := &memberWriter{w: w, split: split, ratio: 5}
	m.zw, _ = gzip.NewWriterLevel(&m.member, gzip.BestSpeed) // the level is valid
	return m
}

// Write writes p, which consists of whole events, with one call.
func (w *memberWriter) Write(p []byte) (int, error) {
	w.buf = w.buf[:0]
	for rest := p; len(rest) > 0; {
		piece := rest
		if n := w.guess(); w.split && len(rest) > n {
			piece = rest[:boundary(rest, n)]
		}
		w.add(piece)
		rest = rest[len(piece):]
	}
	n, err := w.w.Write(w.buf)
	w.pos += n
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// guess returns how much text most likely fits into the rest of the page, going by what did before.
func (w *memberWriter) guess() int {
	room := w.room()
	if room < pageSize/4 {
		room = pageSize // what comes is small, or begins the next one
	}
	return max(minPiece, int(float64(room)*w.ratio*0.93))
}

// boundary returns where an event ends: the last one up to at, or the first one after it.
func boundary(p []byte, at int) int {
	if i := bytes.LastIndex(p[:at], betweenEvents); i > 0 {
		return i
	}
	if i := bytes.Index(p[at-len(betweenEvents)+1:], betweenEvents); i >= 0 {
		return at - len(betweenEvents) + 1 + i
	}
	return len(p)
}

// room returns how much fits into the page.
func (w *memberWriter) room() int { return pageSize - (w.pos+len(w.buf))%pageSize }

// add packs p as one member, or as several if it is too large for a page.
func (w *memberWriter) add(p []byte) {
	w.member.Reset()
	w.zw.Reset(&w.member)
	_, _ = w.zw.Write(p) // to memory
	_ = w.zw.Close()
	member := w.member.Bytes()
	if len(p) >= minPiece {
		w.ratio = float64(len(p)) / float64(len(member))
	}
	if cut := w.cut(p, len(member)); cut > 0 {
		w.add(p[:cut])
		w.add(p[cut:])
		return
	}
	if room := w.room(); len(member) > room && len(member) <= pageSize && room < pageSize {
		w.pad(room)
	}
	w.append(member)
}

// cut returns where p, which is packed as n bytes, is to be cut lest it crosses a page, or most of one is wasted. 0: it
// isn't, or can't be.
func (w *memberWriter) cut(p []byte, n int) int {
	room := w.room()
	if !w.split || n <= room || room < pageSize/4 && n <= pageSize {
		return 0
	}
	at := len(p) / 2
	if guess := w.guess(); n <= pageSize && guess < at {
		at = guess
	}
	if n <= pageSize && at < minPiece || at < len(betweenEvents) {
		return 0
	}
	if at = boundary(p, at); at == len(p) {
		return 0
	}
	return at
}

// append adds a member. What it would leave of the page, too little for a pad, becomes a comment of it.
func (w *memberWriter) append(member []byte) {
	left := (pageSize - (w.pos+len(w.buf)+len(member))%pageSize) % pageSize
	start := len(w.buf)
	w.buf = append(w.buf, member[:headerSize]...)
	if left > 0 && left < minPad {
		w.buf[start+3] |= flagNote
		w.buf = append(w.buf, bytes.Repeat([]byte{' '}, left-1)...)
		w.buf = append(w.buf, 0)
	}
	w.buf = append(w.buf, member[headerSize:]...)
}

// An empty member: no text, and an extra field with one subfield.
var (
	padHead = []byte{0x1f, 0x8b, 8, flagExtra, 0, 0, 0, 0, 0, 255}
	padTail = []byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 0} // an empty deflate block, its CRC and its length
)

const minPad = headerSize + 2 + 4 + 10

// pad adds an empty member of n bytes, minPad or more.
func (w *memberWriter) pad(n int) {
	data := n - minPad
	w.buf = append(w.buf, padHead...)
	w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(4+data))
	w.buf = append(w.buf, 'S', 'P')
	w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(data))
	w.buf = append(w.buf, make([]byte, data)...)
	w.buf = append(w.buf, padTail...)
}
