package zfssuite

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

var encodingCases = []testCase{
	{"SendFlags", sendFlags},
	{"SendRedacted", sendRedacted},
}

// encodings says how the blocks of a stream are encoded.
type encodings struct {
	embedded, compressed, redacted int // records
	largest                        uint64
}

// encodings counts the records of a whole and valid stream.
func (e *env) encodings(stream []byte) (found encodings) {
	e.Helper()
	v := zstream.Verifier{OnRecord: func(r zstream.Record) error {
		switch r.Type {
		case zstream.TypeWriteEmbedded:
			found.embedded++
		case zstream.TypeRedact:
			found.redacted++
		case zstream.TypeWrite:
			size, _ := r.Field("logical_size")
			found.largest = max(found.largest, size)
			if uint64(r.PayloadSize) < size {
				found.compressed++
			}
		}
		return nil
	}}
	e.verify(&v, stream)
	return found
}

// sendFlags: blocks are sent as they are on disk where that is asked for, and else as any receiver understands them.
func sendFlags(e *env) {
	a := e.create("a", "-o", "compression=lz4")
	e.write(a, "tiny", 80) // small enough for a block pointer
	e.p.Write(e.T, a, "text", bytes.Repeat([]byte("All work and no play makes Jack a dull boy. "), 10_000))
	e.write(a, "noise", 300_000)
	e.zfs("set", "recordsize=1M", a)
	e.write(a, "large", 3_000_000)
	e.snapshot(a + "@1")
	for name, o := range map[string]zfssend.SendOptions{
		"plain":      {},
		"large":      {LargeBlock: true},
		"embedded":   {Embedded: true},
		"compressed": {Compressed: true},
		"all":        {LargeBlock: true, Embedded: true, Compressed: true},
	} {
		stream := e.stream(a+"@1", o)
		features := e.begin(stream).Features
		for feature, want := range map[zstream.Features]bool{
			zstream.FeatureLargeBlocks: o.LargeBlock, zstream.FeatureEmbedData: o.Embedded, zstream.FeatureCompressed: o.Compressed,
		} {
			if features.Has(feature) != want {
				e.Errorf("%s: features are %v", name, features)
			}
		}
		found := e.encodings(stream)
		if found.embedded > 0 != o.Embedded || found.compressed > 0 != o.Compressed {
			e.Errorf("%s: %d records are embedded, %d compressed", name, found.embedded, found.compressed)
		}
		if want := map[bool]uint64{true: 1 << 20, false: 128 << 10}[o.LargeBlock]; found.largest != want {
			e.Errorf("%s: the largest block has %d bytes, want %d", name, found.largest, want)
		}
		e.received(e.root+"/"+name, stream, zfssend.ReceiveOptions{Verify: true})
		e.same(a+"@1", e.root+"/"+name+"@1")
	}
}

// sendRedacted: what was changed in a clone isn't in the stream of its origin. The clone can be received on top of that.
func sendRedacted(e *env) {
	a, clone := e.create("a"), e.root+"/clone"
	e.write(a, "public", 300_000)
	e.write(a, "secret", 300_000)
	e.snapshot(a + "@1")
	e.zfs("clone", a+"@1", clone)
	e.p.Write(e.T, clone, "secret", noise("nothing", 300_000))
	e.snapshot(clone + "@1")
	e.zfs("redact", a+"@1", "public", clone+"@1")
	guid, err := strconv.ParseUint(e.get("guid", clone+"@1"), 10, 64)
	if err != nil {
		e.Fatal(err)
	}

	whole := e.stream(a+"@1", zfssend.SendOptions{})
	stream := e.stream(a+"@1", zfssend.SendOptions{Redact: "public"})
	first := e.begin(stream)
	if !first.Features.Has(zstream.FeatureRedacted) || !slices.Equal(first.RedactSnapshots, []uint64{guid}) {
		e.Errorf("the stream begins with %+v", first)
	}
	if found := e.encodings(stream); found.redacted == 0 {
		e.Errorf("nothing is redacted: %+v", found)
	}
	for _, file := range []string{"public", "secret"} {
		data := noise(file, 300_000)[:1000]
		if !bytes.Contains(whole, data) || bytes.Contains(stream, data) != (file == "public") {
			e.Errorf("file %s: %t, in the redacted stream: %t", file, bytes.Contains(whole, data), bytes.Contains(stream, data))
		}
	}

	b, copied := e.root+"/b", e.root+"/copy"
	e.copy(a+"@1", b, zfssend.SendOptions{Redact: "public", Verify: true}, zfssend.ReceiveOptions{})
	if x, y := e.get("guid", a+"@1"), e.get("guid", b+"@1"); x != y {
		e.Errorf("%s was received as %s", x, y)
	}
	if got := e.get("redact_snaps", b+"@1"); got != strconv.FormatUint(guid, 10) {
		e.Errorf("it is redacted by %s, want %d", got, guid)
	}
	e.copy(clone+"@1", copied, zfssend.SendOptions{From: a + "@1"}, zfssend.ReceiveOptions{})
	e.same(clone+"@1", copied+"@1")
}
