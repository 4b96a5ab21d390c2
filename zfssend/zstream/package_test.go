package zstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"strings"
	"testing"
)

// redumped writes a stream as dump_record of OpenZFS's zstream (redup, decompress, recompress) does: all records but BEGIN get a
// checksum of their own, those END records too that zfs send gives none.
func redumped(tb testing.TB, stream []byte) []byte {
	tb.Helper()
	var out []byte
	for _, c := range checkpoints(tb, stream) {
		h := header{bytes: (*[HeaderSize]byte)(bytes.Clone(stream[c.Offset:])), big: c.header.big}
		sum := Fletcher4{BigEndian: h.big}
		if c.Type != TypeBegin {
			clear(h.bytes[checksumAt:])
			sum = c.verifier.sum
		}
		if c.verifier.place == betweenOf { // each END record starts the sum anew
			sum.Reset()
		}
		sum.Update(h.bytes[:checksumAt])
		if c.Type != TypeBegin {
			h.putChecksum(checksumAt, sum.Sum())
		}
		out = append(append(out, h.bytes[:]...), stream[c.Offset+HeaderSize:c.end()]...)
	}
	return out
}

// redumpedFixtures returns packages as OpenZFS's zstream writes them, and one in big-endian.
func redumpedFixtures(tb testing.TB) map[string][]byte {
	all := map[string][]byte{}
	for name, stream := range wholeFixtures(tb) {
		if b, err := ParseBegin(stream); err != nil || !b.Compound {
			continue
		}
		all[name+" redumped"] = redumped(tb, stream)
		if name == "replication" {
			all[name+" redumped big-endian"] = redumped(tb, rewrite(tb, stream, true, false))
		}
	}
	if len(all) < 10 {
		tb.Fatalf("only %d", len(all))
	}
	return all
}

// TestRedumped wants packages whose END records have checksums of their own to be right. TestSingleBits damages them.
func TestRedumped(t *testing.T) {
	end := [HeaderSize]byte{0: byte(TypeEnd)}
	for name, stream := range redumpedFixtures(t) {
		all := checkpoints(t, stream) // which wants it to be right
		for _, c := range []checkpoint{all[1], all[len(all)-1]} {
			if c.Type != TypeEnd || bytes.Equal(stream[c.Offset+checksumAt:][:32], make([]byte, 32)) {
				t.Errorf("%s: %v has no checksum of its own", name, c.Record)
			}
		}
		if c := all[4]; c.Type != TypeEnd && c.Type != TypeBegin { // the package fails there, and then is redumped
			sum := c.verifier.sum
			h := header{bytes: new(end), big: c.header.big}
			h.put(field{"", 0, 4}, uint64(TypeEnd))
			sum.Update(h.bytes[:checksumAt])
			h.putChecksum(checksumAt, sum.Sum())
			var v Verifier
			err := verify(&v, append(bytes.Clone(stream[:c.Offset]), h.bytes[:]...))
			if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "the package ends within the stream of") {
				t.Errorf("%s: failed: %v", name, err)
			}
		}
	}
}

// cutPackage returns the first streams of a package, and its end.
func cutPackage(tb testing.TB, stream []byte, streams int) []byte {
	tb.Helper()
	for _, c := range checkpoints(tb, stream) {
		if c.verifier.place == betweenOf && c.verifier.stats.Substreams == streams {
			return append(bytes.Clone(stream[:c.Offset]), stream[len(stream)-HeaderSize:]...)
		}
	}
	tb.Fatalf("there are no %d streams", streams)
	return nil
}

// TestPackageLacks are packages that have lost streams: libzfs ends them as if nothing had happened.
func TestPackageLacks(t *testing.T) {
	all := wholeFixtures(t)
	for name, stream := range all {
		var v Verifier
		if err := verify(&v, stream); err != nil || v.Stats().Missing != 0 {
			t.Errorf("%s: %v, %d of %d missing", name, err, v.Stats().Missing, v.Stats().Listed)
		}
		if !v.Stats().First.Compound {
			continue
		}
		for _, parse := range []bool{false, true} {
			none := Verifier{ParseOnly: parse}
			cut := cutPackage(t, stream, 0)
			if _, err := none.Write(cut); err != nil { // why there is none, the sender may say when it has ended
				t.Errorf("%s: Write without a stream: %v", name, err)
			}
			err := none.Close()
			if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "ends without a stream") || none.Safe() == int64(len(cut)) ||
				none.Stats().Whole {
				t.Errorf("%s: without a stream: %v", name, err)
			}
		}
	}
	for _, test := range []struct {
		name                     string
		streams, listed, missing int
	}{
		{"replication", 1, 3, 2},
		{"replication", 2, 3, 1},
		{"replication-intermediates", 5, 3, 1},
		{"replication-intermediates", 4, 3, 1},
		{"replication-incremental", 2, 3, 1}, // @1 is listed, and needn't be there
		{"raw-replication", 1, 1, 1},
		{"intermediates", 1, 0, 0}, // it has no list
	} {
		for _, v := range []*Verifier{{}, {OnBegin: func(Begin) error { return nil }}} {
			err := verify(v, cutPackage(t, all[test.name], test.streams))
			if s := v.Stats(); err != nil || s.Listed != test.listed || s.Missing != test.missing {
				t.Errorf("%s, %d streams of it: %v, %d listed, %d missing, want %+v", test.name, test.streams, err, s.Listed, s.Missing, test)
			}
		}
	}

	var out bytes.Buffer // zfs send -R -X of all that is there
	w := NewWriter(&out)
	w.WriteBegin(Begin{ToName: "tank@1", Compound: true, Package: &Package{ToSnapshot: "1"}})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var v Verifier
	if err := verify(&v, out.Bytes()); err != nil {
		t.Errorf("a package that lists nothing, and holds nothing: %v", err)
	}
}

// TestOldEnd are END records without a GUID, of streams without checksums of records.
func TestOldEnd(t *testing.T) {
	for guid, want := range map[uint64]error{3: nil, 1 << 20: ErrFormat} { // of a single bit, one wrong bit makes zero
		var out bytes.Buffer
		w := NewWriter(&out)
		w.Unchecked = true
		w.WriteBegin(Begin{ToName: "tank@1", ToGUID: guid})
		w.WriteFree(1, 0, 1)
		w.begin.ToGUID = 0
		w.WriteEnd()
		var v Verifier
		if err := verify(&v, out.Bytes()); !errors.Is(err, want) {
			t.Errorf("GUID %#x: %v, want %v", guid, err, want)
		}
	}
}

// TestCompressed are files that must be decompressed first, long ones and such that are shorter than a header.
func TestCompressed(t *testing.T) {
	for magic, name := range map[string]string{"BZh9": "bzip2", "\x1f\x8b\x08": "gzip", "\x28\xb5\x2f\xfd": "zstd", "\xfd7zXZ\x00": "xz"} {
		for _, size := range []int{100, 1000} {
			var v Verifier
			err := verify(&v, append([]byte(magic), make([]byte, size)...))
			_, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "compressed by "+name+", decompress it first") {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
		}
	}
}

// TestWriteAfterClose wants an error of its own, that leaves the stream as right as it was.
func TestWriteAfterClose(t *testing.T) {
	var v Verifier
	if err := verify(&v, fixtures(t)["full"]); err != nil {
		t.Fatal(err)
	}
	if n, err := v.Write([]byte{0}); n != 0 || !errors.Is(err, errClosed) {
		t.Errorf("Write after Close: %d, %v", n, err)
	}
	if err := v.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

// start returns a Verifier that has everything before the record. It shares nothing with the others.
func (c *checkpoint) start() Verifier {
	v := c.verifier
	v.missing = maps.Clone(v.missing)
	return v
}

// TestPackageContents: what a package brings besides the streams themselves is told.
func TestPackageContents(t *testing.T) {
	var properties, holds int
	v := Verifier{OnBegin: func(b Begin) error {
		if b.Package != nil {
			for _, f := range b.Package.Filesystems {
				properties += len(f.SnapshotProperties)
				holds += len(f.SnapshotHolds)
			}
		}
		return nil
	}}
	v.Write(fixtures(t)["backup-holds"])
	if err := v.Close(); err != nil || properties != 0 || holds != 1 {
		t.Errorf("properties of %d snapshots, holds of %d, %v", properties, holds, err)
	}
}

// TestListTooLong: a list that is longer than zfs receive takes isn't waited for by who wants to see it.
func TestListTooLong(t *testing.T) {
	stream := bytes.Clone(fixtures(t)["replication"][:HeaderSize])
	binary.LittleEndian.PutUint32(stream[4:], maxKeptList+4)
	v := Verifier{OnBegin: func(Begin) error { return nil }}
	if _, err := v.Write(stream); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
