package zstream

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite golden files")

// fixtures returns the streams of testdata by name.
func fixtures(tb testing.TB) map[string][]byte {
	tb.Helper()
	all := map[string][]byte{}
	names, err := filepath.Glob("testdata/*/*.zsend.*")
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		base, _, _ := strings.Cut(filepath.Base(name), ".")
		all[base] = unpack(tb, name)
	}
	if len(all) < 20 {
		tb.Fatalf("only %d streams in testdata", len(all))
	}
	return all
}

func unpack(tb testing.TB, name string) []byte {
	tb.Helper()
	f, err := os.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = bzip2.NewReader(f)
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			tb.Fatal(err)
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return data
}

// verify passes a stream in one piece.
func verify(v *Verifier, stream []byte) error {
	if _, err := v.Write(stream); err != nil {
		return err
	}
	return v.Close()
}

// wholeFixtures are those that have an end: zfs send -S makes none.
func wholeFixtures(tb testing.TB) map[string][]byte {
	all := fixtures(tb)
	delete(all, "saved")
	return all
}

func TestFixtures(t *testing.T) {
	for name, stream := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			var v Verifier
			err := verify(&v, stream)
			if name == "saved" {
				if !errors.Is(err, ErrTruncated) {
					t.Errorf("saved stream, which has no end: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			stats := v.Stats()
			if stats.Bytes != int64(len(stream)) || stats.Whole != (name != "saved") || stats.Unchecked != 0 {
				t.Errorf("%d of %d bytes, whole %v, %d unchecked", stats.Bytes, len(stream), stats.Whole, stats.Unchecked)
			}
			compareWithDump(t, name, stats)

			parse := Verifier{ParseOnly: true}
			if perr := verify(&parse, stream); (perr == nil) != (err == nil) {
				t.Errorf("ParseOnly: %v", perr)
			}
			if got := parse.Stats(); fmt.Sprint(got) != fmt.Sprint(stats) {
				t.Errorf("ParseOnly: %+v\nwant %+v", got, stats)
			}
		})
	}
}

// compareWithDump compares with the summary of zstream dump, which leaves out OBJECT_RANGE and REDACT.
func compareWithDump(t *testing.T, name string, stats Stats) {
	dump, err := os.ReadFile("testdata/openzfs-2.1.11/" + name + ".dump")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for line := range strings.Lines(string(dump)) {
		var kind string
		var count, payload int64
		if n, _ := fmt.Sscanf(line, "\tTotal DRR_%s records = %d (%d bytes)", &kind, &count, &payload); n == 3 {
			i := slices.IndexFunc(records[:], func(r recordSpec) bool { return r.name == kind })
			if got := stats.Records[i]; got != (RecordStats{count, payload}) {
				t.Errorf("%s: %+v, zstream dump says %d with %d bytes", kind, got, count, payload)
			}
			compared++
		}
		if n, _ := fmt.Sscanf(line, "\tTotal stream length = %d", &count); n == 1 {
			if count != stats.Bytes {
				t.Errorf("%d bytes, zstream dump says %d", stats.Bytes, count)
			}
			compared++
		}
	}
	if compared != 10 {
		t.Errorf("compared %d numbers with zstream dump, want 10", compared)
	}
}

// dump is the text form: a line for each record, and the lists of BEGIN records.
func dump(stream []byte) string {
	var out strings.Builder
	v := Verifier{
		OnRecord: func(r Record) error { fmt.Fprintln(&out, r); return nil },
		OnBegin: func(b Begin) error {
			fmt.Fprintf(&out, "  %s %v features %v\n", b.ToName, b.Creation, b.Features)
			if b.PayloadSize > 0 {
				fmt.Fprintf(&out, "%v%v%+v\n", b.List, b.ListErr, b.Package)
			}
			return nil
		},
	}
	fmt.Fprintln(&out, verify(&v, stream))
	return out.String()
}

func TestGolden(t *testing.T) {
	all := fixtures(t)
	for _, name := range []string{"full", "incremental", "replication-intermediates", "large-embedded-compressed", "raw-resumed", "redacted-resumed",
		"spill", "backup-holds", "properties", "saved", "dedup"} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", "golden", name+".txt")
			got := dump(all[name])
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s (rewrite with -update):\n%s", golden, got)
			}
		})
	}
}

// checkpoint is a Verifier that has everything before a record.
type checkpoint struct {
	Record
	verifier Verifier
}

// checkpoints stops at each record of a stream.
func checkpoints(tb testing.TB, stream []byte) []checkpoint {
	tb.Helper()
	var all []checkpoint
	scan := Verifier{OnRecord: func(r Record) error { all = append(all, checkpoint{Record: r}); return nil }}
	if err := verify(&scan, stream); err != nil {
		tb.Fatal(err)
	}
	var v Verifier
	for i := range all {
		if _, err := v.Write(stream[v.Offset():all[i].Offset]); err != nil {
			tb.Fatal(err)
		}
		all[i].verifier = v
		all[i].verifier = all[i].start()
	}
	return all
}

func (c *checkpoint) end() int64 { return c.Offset + HeaderSize + c.PayloadSize }

// checkFlip flips a bit of a record, and wants that to be found where it is. It tells whether it was.
func checkFlip(t *testing.T, stream []byte, c checkpoint, bit int64) bool {
	t.Helper()
	at := bit / 8
	stream[at] ^= 1 << (bit % 8)
	defer func() { stream[at] ^= 1 << (bit % 8) }()
	v := c.start()
	err := verify(&v, stream[c.Offset:])
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		t.Errorf("bit %d of byte %d, in %v at %d: error %v", bit%8, at, c.Type, c.Offset, err)
	case e.Offset > at || e.From > at || e.To <= at:
		t.Errorf("bit %d of byte %d, in %v at %d: found at %d, bytes %d to %d: %v", bit%8, at, c.Type, c.Offset, e.Offset, e.From, e.To, err)
	case v.Safe() == int64(len(stream)) && !errors.Is(err, ErrTruncated): // what has no END as it is makes no receiver commit
		t.Errorf("bit %d of byte %d, in %v at %d: everything is safe", bit%8, at, c.Type, c.Offset)
	default:
		return true
	}
	return false
}

// TestSingleBits flips every bit in all BEGIN and END records, the first ones of other types, and a sample of all others.
func TestSingleBits(t *testing.T) {
	for name, stream := range wholeFixtures(t) {
		t.Run(name, func(t *testing.T) { flipBits(t, stream) })
	}
	for name, stream := range converted(t) {
		t.Run(name, func(t *testing.T) { flipBits(t, stream) })
	}
	for name, stream := range redumpedFixtures(t) {
		t.Run(name, func(t *testing.T) { flipBits(t, stream) })
	}
}

// TestAllBits flips every bit of OpenZFS's own streams, one after another: 10.3 million, which take half a minute of one processor.
func TestAllBits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of one processor: run it without -short")
	}
	if sparsity > 1 {
		t.Skip("takes a quarter of an hour with the race detector, and nothing here runs concurrently but tests: run it without -race")
	}
	for _, name := range []string{"dedup", "dedup_encrypted_zvol"} {
		stream := unpack(t, "testdata/openzfs/"+name+".zsend.bz2")
		var next, bits, missed atomic.Int64
		all := checkpoints(t, stream)
		var workers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			workers.Go(func() {
				stream := bytes.Clone(stream)
				for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
					for bit := all[i].Offset * 8; bit < all[i].end()*8 && missed.Load() < 20; bit++ {
						bits.Add(1)
						if !checkFlip(t, stream, all[i], bit) {
							missed.Add(1)
						}
					}
				}
			})
		}
		workers.Wait()
		t.Logf("%s: %d records, %d bits flipped, %d missed or told at a wrong place", name, len(all), bits.Load(), missed.Load())
		if want := int64(len(stream)) * 8; bits.Load() != want {
			t.Errorf("%s: flipped %d of %d bits", name, bits.Load(), want)
		}
	}
}

func flipBits(t *testing.T, stream []byte) {
	all := checkpoints(t, stream)
	var seen [NumRecordTypes]int
	for _, c := range all {
		if seen[c.Type]++; c.Type == TypeBegin || c.Type == TypeEnd || seen[c.Type] <= 2 {
			for bit := c.Offset * 8; bit < (c.Offset+HeaderSize)*8 && !t.Failed(); bit += sparsity {
				checkFlip(t, stream, c, bit)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, uint64(len(stream))))
	for range 2500 / sparsity {
		bit := random.Int64N(int64(len(stream)) * 8)
		i, found := slices.BinarySearchFunc(all, bit/8, func(c checkpoint, at int64) int {
			switch {
			case c.end() <= at:
				return -1
			case c.Offset > at:
				return 1
			}
			return 0
		})
		if !found {
			t.Fatalf("byte %d is in no record", bit/8)
		}
		if checkFlip(t, stream, all[i], bit); t.Failed() {
			break
		}
	}
}

// TestDamageIsFoundWhereItIs pins exact places.
func TestDamageIsFoundWhereItIs(t *testing.T) {
	stream := fixtures(t)["full"]
	all := checkpoints(t, stream)
	i := slices.IndexFunc(all, func(c checkpoint) bool { return c.Type == TypeWrite })
	block, next := all[i], all[i+1]
	for _, test := range []struct {
		at   int64
		want Error
	}{
		{block.Offset + 20, Error{Offset: block.Offset, Record: TypeWrite, From: block.Offset, To: block.Offset + HeaderSize}},
		{block.Offset + HeaderSize, Error{Offset: block.Offset, Record: TypeWrite, From: block.Offset + HeaderSize, To: next.Offset + HeaderSize}},
		{next.Offset - 1, Error{Offset: block.Offset, Record: TypeWrite, From: block.Offset + HeaderSize, To: next.Offset + HeaderSize}},
	} {
		damaged := bytes.Clone(stream)
		damaged[test.at] ^= 0x10
		var v Verifier
		e, ok := errors.AsType[*Error](verify(&v, damaged))
		if !ok {
			t.Fatalf("byte %d: no error", test.at)
		}
		test.want.Err = ErrChecksum
		if *e != test.want {
			t.Errorf("byte %d: %+v, want %+v", test.at, *e, test.want)
		}
	}
}

func TestTruncation(t *testing.T) {
	all := wholeFixtures(t)
	maps.Copy(all, converted(t))
	for name, stream := range all {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for _, c := range checkpoints(t, stream) {
				ends := []int64{c.Offset, c.Offset + 1, c.Offset + HeaderSize - 1, c.Offset + random.Int64N(c.end()-c.Offset)}
				if c.end() < int64(len(stream)) {
					ends = append(ends, c.Offset+HeaderSize)
				}
				for _, end := range ends {
					v := c.start()
					if _, err := v.Write(stream[c.Offset:end]); err != nil {
						t.Fatalf("at %d: Write: %v", end, err)
					}
					err := v.Close()
					e, ok := errors.AsType[*Error](err)
					if !ok || !errors.Is(err, ErrTruncated) || e.Offset > end || v.Stats().Whole {
						t.Fatalf("at %d of %d, in %v: Close: %v", end, len(stream), c.Type, err)
					}
					if v.Close() != err {
						t.Fatal("a second Close says something else")
					}
				}
			}
		})
	}
}

// TestSafe feeds streams in pieces and holds that nothing before Safe makes a receiver commit.
func TestSafe(t *testing.T) {
	for name, stream := range wholeFixtures(t) {
		t.Run(name, func(t *testing.T) {
			all := checkpoints(t, stream)
			ends := map[int64]bool{} // offsets of END records
			for _, c := range all {
				ends[c.Offset] = c.Type == TypeEnd
			}
			var v Verifier
			random := rand.New(rand.NewPCG(3, uint64(len(stream))))
			for at := 0; at < len(stream); {
				n := min(1+random.IntN(400), len(stream)-at)
				if _, err := v.Write(stream[at : at+n]); err != nil {
					t.Fatal(err)
				}
				at += n
				safe := v.Safe()
				if safe > int64(at) || int64(at)-safe > 3*HeaderSize {
					t.Fatalf("after %d bytes %d are safe", at, safe)
				}
				if ends[safe-HeaderSize] {
					t.Fatalf("after %d bytes %d are safe, which end with an END record", at, safe)
				}
			}
			last := all[len(all)-1].Offset
			if v.stats.First.Compound {
				last -= HeaderSize
			}
			if v.Safe() != last {
				t.Errorf("at the end %d of %d are safe, want %d", v.Safe(), len(stream), last)
			}
			if err := v.Close(); err != nil || v.Safe() != int64(len(stream)) {
				t.Errorf("after Close: %v, %d of %d safe", err, v.Safe(), len(stream))
			}
		})
	}
}

// TestOnBegin refuses, and sees lists.
func TestOnBegin(t *testing.T) {
	stream := fixtures(t)["replication"]
	var names []string
	v := Verifier{OnBegin: func(b Begin) error {
		names = append(names, b.ToName)
		if b.Compound && (b.Package == nil || len(b.Package.Filesystems) != 3 || b.Package.ToSnapshot != "1") {
			t.Errorf("package %+v, %v", b.Package, b.ListErr)
		}
		return nil
	}}
	for i := range stream { // byte by byte: nothing of the BEGIN record is safe before it is whole
		if _, err := v.Write(stream[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 && v.Safe() != 0 {
			t.Fatalf("%d bytes are safe before OnBegin was called", v.Safe())
		}
	}
	if want := "[tank/tree@1 tank/tree@1 tank/tree/child@1 tank/tree/vol@1]"; fmt.Sprint(names) != want {
		t.Errorf("BEGIN records %v, want %v", names, want)
	}

	refusal := errors.New("not this one")
	refuse := Verifier{OnBegin: func(b Begin) error {
		if b.ToName == "tank/tree/child@1" {
			return refusal
		}
		return nil
	}}
	err := verify(&refuse, stream)
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, refusal) || e.Record != TypeBegin || e.Offset != refuse.Offset() ||
		refuse.Safe() != e.Offset-HeaderSize {
		t.Errorf("%v at %d, safe %d", err, refuse.Offset(), refuse.Safe())
	}
	if _, again := refuse.Write([]byte{0}); again != err {
		t.Errorf("the error isn't sticky: %v", again)
	}
}

// TestRefused are streams whose checksums are right, or that have none there.
func TestRefused(t *testing.T) {
	all := wholeFixtures(t)
	full, pack, empty := all["full"], all["replication"], all["empty-incremental"]
	end := make([]byte, HeaderSize)
	end[0] = byte(TypeEnd)
	at := checkpoints(t, pack)
	for name, test := range map[string]struct {
		stream []byte
		want   error
		text   string
	}{
		"nothing":              {nil, ErrTruncated, "no stream at all"},
		"text":                 {[]byte(strings.Repeat("hello ", 100)), ErrFormat, "no zfs send stream"},
		"data after the end":   {append(bytes.Clone(full), 0), ErrFormat, "data after the end"},
		"two streams":          {append(bytes.Clone(full), empty...), ErrFormat, "data after the end"},
		"END of a stream only": {end, ErrFormat, "magic"},
		"package in package":   {append(bytes.Clone(pack[:at[2].Offset]), pack...), ErrFormat, "package within"},
		"package that failed": {append(bytes.Clone(pack[:at[9].Offset]), end...), ErrTruncated,
			"the package ends within the stream of tank/tree@1"},
		"begin twice":         {append(bytes.Clone(full[:HeaderSize]), full...), ErrFormat, "BEGIN record within the stream of tank/fs@1"},
		"record left out":     {append(bytes.Clone(full[:HeaderSize]), full[2*HeaderSize:]...), ErrChecksum, ""},
		"unknown record":      {unknownRecord(t), ErrUnsupported, "type 11"},
		"huge block":          {hugeBlock(t), ErrFormat, "maximum is 16777216"},
		"END of other stream": {otherEnd(t), ErrFormat, "not that of"},
		"checksum left out":   {forge(t, func(w *Writer) { w.WriteFree(1, 0, 1); w.Unchecked = true }), ErrChecksum, "the record has none"},
		"checksum in an old stream": {forge(t, func(w *Writer) {
			w.Unchecked = true
			w.WriteFree(1, 0, 1)
			w.Unchecked = false
		}), ErrChecksum, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var v Verifier
			err := verify(&v, test.stream)
			if _, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v, want %v with %q", err, test.want, test.text)
			}
		})
	}
}

// forge writes a stream with a record that Writer doesn't write.
func forge(t *testing.T, change func(w *Writer)) []byte {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.WriteBegin(Begin{ToName: "tank@1", ToGUID: 7})
	change(w)
	w.WriteEnd()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unknownRecord(t *testing.T) []byte {
	return forge(t, func(w *Writer) {
		h := w.header(TypeFree, nil)
		h.put(field{"", 0, 4}, 11)
		w.checked(h, nil)
	})
}

func hugeBlock(t *testing.T) []byte {
	return forge(t, func(w *Writer) {
		w.checked(w.header(TypeWrite, map[string]uint64{"logical_size": 1 << 40}), nil)
	})
}

func otherEnd(t *testing.T) []byte {
	return forge(t, func(w *Writer) { w.begin.ToGUID++ })
}

// result is all that a Verifier says.
func result(v *Verifier, err error) string {
	return fmt.Sprintf("%v %d %d %+v", err, v.Offset(), v.Safe(), v.Stats())
}

// TestAnySplit passes damaged and whole streams in any pieces.
func TestAnySplit(t *testing.T) {
	all := fixtures(t)
	names := slices.Sorted(maps.Keys(all))
	rapid.Check(t, func(t *rapid.T) {
		stream := bytes.Clone(all[rapid.SampledFrom(names).Draw(t, "stream")])
		stream = stream[:min(len(stream), 30000)]
		if rapid.Bool().Draw(t, "damage") {
			stream[rapid.IntRange(0, len(stream)-1).Draw(t, "at")] ^= 4
		}
		var one, many Verifier
		want := result(&one, verify(&one, stream))
		var err error
		for rest := stream; len(rest) > 0 && err == nil; {
			n := rapid.IntRange(1, min(len(rest), 1000)).Draw(t, "piece")
			_, err = many.Write(rest[:n])
			rest = rest[n:]
		}
		if err == nil {
			err = many.Close()
		}
		if got := result(&many, err); got != want {
			t.Fatalf("in pieces:\n%s\nin one:\n%s", got, want)
		}
	})
}

func TestParseBegin(t *testing.T) {
	all := fixtures(t)
	b, err := ParseBegin(all["raw-incremental"])
	if err != nil || b.ToName != "tank/secret@2" || !b.Raw || b.FromGUID == 0 || b.Compound || b.Volume || b.Features.String() != "sa_spill,lz4,compressed,raw" {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err = ParseBegin(all["volume"]); err != nil || !b.Volume {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err = ParseBegin(all["replication"]); err != nil || !b.Compound || !b.Creation.IsZero() || b.PayloadSize == 0 {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err = ParseBegin(all["full"][:HeaderSize-1]); !errors.Is(err, ErrTruncated) {
		t.Errorf("short: %v", err)
	}
	unknown := bytes.Clone(all["full"])
	unknown[18] |= 1 << 4 // bit 18 of the features
	if _, err = ParseBegin(unknown); !errors.Is(err, ErrUnsupported) {
		t.Errorf("unknown feature: %v", err)
	}
}

// synthetic yields a stream of about n bytes with blocks of 128 KiB, as a large file has them.
func synthetic(tb testing.TB, w io.Writer, n int64) int64 {
	out := bufio.NewWriterSize(w, 1<<20)
	s := NewWriter(out)
	s.WriteBegin(Begin{ToName: "tank@large", ToGUID: 1})
	s.WriteObject(2, 128<<10, nil)
	block := make([]byte, 128<<10)
	random := rand.NewChaCha8([32]byte{})
	random.Read(block)
	blocks := n / (int64(len(block)) + HeaderSize)
	for i := range blocks {
		s.WriteBlock(2, uint64(i)*uint64(len(block)), block)
	}
	s.WriteEnd()
	if err := errors.Join(s.Close(), out.Flush()); err != nil {
		tb.Fatal(err)
	}
	return 3*HeaderSize + blocks*(int64(len(block))+HeaderSize)
}

// BenchmarkVerifier passes a stream of 1 GiB in pieces of 128 KiB, as a pipe gives them, and compares with throwing them away.
func BenchmarkVerifier(b *testing.B) {
	var buf bytes.Buffer
	size := synthetic(b, &buf, 64<<20)
	if size != int64(buf.Len()) {
		b.Fatalf("%d bytes, want %d", buf.Len(), size)
	}
	stream := buf.Bytes()
	run := func(name string, once func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(16 * size)
			for b.Loop() {
				for range 16 {
					if err := once(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
	piecewise := func(w io.Writer) error {
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 128<<10)
			if _, err := w.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
	run("verify", func() error {
		var v Verifier
		return errors.Join(piecewise(&v), v.Close())
	})
	run("parse only", func() error {
		v := Verifier{ParseOnly: true}
		return errors.Join(piecewise(&v), v.Close())
	})
	run("fletcher4 only", func() error {
		var f Fletcher4
		return piecewise(&f)
	})
	run("discard", func() error { return piecewise(io.Discard) })
}

// BenchmarkPipe compares a pipe of the kernel that is read and thrown away with one whose bytes are verified.
func BenchmarkPipe(b *testing.B) {
	var buf bytes.Buffer
	size := synthetic(b, &buf, 64<<20)
	stream := buf.Bytes()
	pipe := func(b *testing.B, sink func() io.Writer) {
		b.SetBytes(size)
		for b.Loop() {
			r, w, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := w.Write(stream)
				done <- errors.Join(err, w.Close())
			}()
			p := make([]byte, 128<<10)
			if _, err := io.CopyBuffer(struct{ io.Writer }{sink()}, struct{ io.Reader }{r}, p); err != nil {
				b.Fatal(err)
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	}
	b.Run("copy", func(b *testing.B) { pipe(b, func() io.Writer { return io.Discard }) })
	b.Run("verify", func(b *testing.B) { pipe(b, func() io.Writer { return new(Verifier) }) })
}
