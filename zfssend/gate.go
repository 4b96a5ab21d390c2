package zfssend

import (
	"io"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// gate passes a stream on that it checks. It holds back the stream's last record, on which a receiver commits, until the
// source has ended well; and a BEGIN record until it is known to be what is expected.
type gate struct {
	verifier zstream.Verifier
	stream   *transfer
	source   func(p []byte, via *transfer) (int, error)
	end      func(error) error // returns what an error of source means: io.EOF for a good end
	refuse   func(error) error // returns what comes of a stream that is not what it should be
	cut      func(error) error // likewise of one that has ended too early
	err      error             // how the stream has ended

	buf        []byte
	r, safe, w int // what has passed, what may pass, and what is there: indexes into buf
}

func newGate(t *transfer, source func([]byte, *transfer) (int, error), end, refuse, cut func(error) error) *gate {
	g := &gate{stream: t, source: source, end: end, refuse: refuse, cut: cut}
	g.verifier.OnBegin = func(b zstream.Begin) error {
		if err := dangerous(&b); err != nil {
			return err
		}
		return t.saw(&b)
	}
	return g
}

// next returns the next piece of the stream. It is valid until the next call.
func (g *gate) next(via *transfer) ([]byte, error) {
	for g.r == g.safe {
		if g.err != nil {
			return nil, g.err
		}
		g.advance(via)
	}
	piece := g.buf[g.r:g.safe]
	g.r = g.safe
	return piece, nil
}

// read is io.Reader's.
func (g *gate) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	piece, err := g.next(nil)
	n := copy(p, piece)
	g.r -= len(piece) - n
	return n, err
}

// advance reads and checks more. All that may pass must have passed.
func (g *gate) advance(via *transfer) {
	g.w, g.r, g.safe = copy(g.buf, g.buf[g.r:g.w]), 0, 0
	if g.w == len(g.buf) { // all at once at first, later only if a package's beginning is long; the verifier has a limit for that
		g.buf = append(g.buf, make([]byte, max(copyBuffer, len(g.buf)))...)
	}
	n, err := g.source(g.buf[g.w:], via)
	_, bad := g.verifier.Write(g.buf[g.w : g.w+n])
	g.w += n
	held := int(g.verifier.Offset() - g.verifier.Safe())
	if bad != nil {
		g.tell()
		g.err = g.refuse(bad)
	} else if g.safe = g.w - held; err != nil {
		g.err = g.last(err)
	}
}

// tell puts what was seen on the stream's task. It comes before the stream's end is told, which is that of the task, too.
func (g *gate) tell() {
	stats := g.verifier.Stats()
	g.stream.task.SetAttrs(stats.Attrs()...)
}

// last returns how the stream ends after the source has.
func (g *gate) last(err error) error {
	if err != io.EOF {
		g.tell()
		return g.end(err)
	}
	bad := g.verifier.Close()
	g.tell()
	if bad != nil {
		return g.cut(bad)
	}
	if bad := g.stream.sawAll(); bad != nil {
		return g.refuse(bad)
	}
	if err = g.end(io.EOF); err == io.EOF {
		g.safe = g.w
	}
	return err
}
