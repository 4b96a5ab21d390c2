package zfssend

import (
	"fmt"
	"log/slog"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// opening is the first record of a stream, which says what the stream is. It belongs to the goroutine that carries the stream.
type opening struct {
	head   []byte // what has passed of it
	passed bool   // it has passed, whole

	members int    // streams of a package that have begun
	last    uint64 // GUID of the snapshot of the last one
}

// look looks at what passes of a stream that isn't looked at otherwise, until its first record has passed. It returns an
// error if that isn't what is expected, or is dangerous. Where nothing is expected, it may be anything else.
func (t *transfer) look(p []byte) error {
	o := &t.opening
	if o.passed {
		return nil
	}
	o.head = append(o.head, p[:min(len(p), zstream.HeaderSize-len(o.head))]...)
	if len(o.head) < zstream.HeaderSize {
		return nil
	}
	o.passed = true
	begin, err := zstream.ParseBegin(o.head)
	if danger := dangerous(&begin); danger != nil { // whatever else is wrong with it
		return &zstream.Error{Record: zstream.TypeBegin, To: zstream.HeaderSize, Err: danger}
	}
	if err != nil && t.expect == nil {
		return nil // zfs receive will say so
	}
	if err != nil {
		return err
	}
	return t.saw(&begin)
}

// maxBegin is how long a payload of BEGIN may be, in bytes: no more than fits into the kernel's spl_kmem_alloc_max, without
// which 2.1's dmu_recv_stream reads into a null pointer, and the machine is dead (2.3 and 2.4 refuse it). It holds the resume
// state and the GUIDs of redaction snapshots, a few hundred bytes. That of a package is for zfs and not for the kernel. The streams in
// a package are looked at only if something is expected of it, or it is verified.
const maxBegin = 1 << 20

// dangerous returns an error for a BEGIN record that no kernel may see.
func dangerous(b *zstream.Begin) error {
	if b.Compound || b.PayloadSize <= maxBegin {
		return nil
	}
	return fmt.Errorf("%w: payload of %d bytes, of which some kernels die; maximum is %d", zstream.ErrFormat, b.PayloadSize, maxBegin)
}

// saw is told of each BEGIN record. It returns an error if that isn't what is expected.
func (t *transfer) saw(b *zstream.Begin) error {
	t.mu.Lock()
	first := t.begin == nil
	if first {
		t.begin = b
	}
	t.mu.Unlock()
	if first {
		t.task.SetAttrs(beginAttrs(b)...)
	}
	if t.expect == nil {
		return nil
	}
	return t.expect.check(b, t.begin, &t.opening)
}

// sawAll is told that a verified stream has come to its end. It returns an error if the end isn't what is expected.
func (t *transfer) sawAll() error {
	if e := t.expect; e != nil && e.ToGUID != 0 && t.opening.members > 0 && t.opening.last != e.ToGUID {
		return &ExpectError{"stream", "last snapshot's GUID", t.opening.last, e.ToGUID}
	}
	return nil
}

// Begin returns the stream's first record, nil before it has passed. It says what is really sent, and so what the receiver
// has in the end. Of a package that isn't verified, it lacks the contents.
func (t *transfer) Begin() *zstream.Begin {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begin
}

func beginAttrs(b *zstream.Begin) []slog.Attr {
	return []slog.Attr{
		slog.String("stream.to_name", b.ToName),
		slog.Uint64("stream.to_guid", b.ToGUID),
		slog.Uint64("stream.from_guid", b.FromGUID),
		slog.String("stream.features", b.Features.String()),
		slog.Bool("stream.compound", b.Compound),
	}
}
