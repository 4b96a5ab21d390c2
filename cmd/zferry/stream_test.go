package main

import (
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

const zstreamTestdata = "../../zfssend/zstream/testdata/"

// TestStreamScripts is like TestScripts, with more streams: OpenZFS's own, and what its tools and a failing zfs send make.
func TestStreamScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/stream", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error { return errors.Join(streams(env), moreStreams(env)) },
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"exits": exits}})
}

func moreStreams(env *testscript.Env) error {
	files := map[string][]byte{"distant.zsend": distant()}
	for _, name := range []string{"dedup", "dedup_encrypted_zvol"} {
		compressed, err := os.ReadFile(zstreamTestdata + "openzfs/" + name + ".zsend.bz2")
		if err != nil {
			return err
		}
		if files[name+".zsend"], err = io.ReadAll(bzip2.NewReader(bytes.NewReader(compressed))); err != nil {
			return err
		}
		files[name+".zsend.bz2"] = compressed
		files[name+"-damaged.zsend"] = damaged(files[name+".zsend"])
	}
	replication, err := os.ReadFile(filepath.Join(env.WorkDir, "replication.zsend"))
	if err != nil {
		return err
	}
	begins := beginsOf(replication)
	end := replication[len(replication)-zstream.HeaderSize:]
	files["no-streams.zsend"] = append(bytes.Clone(replication[:begins[1]]), end...)
	files["one-of-three.zsend"] = append(bytes.Clone(replication[:begins[2]]), end...)
	files["rewritten.zsend"] = rewritten(replication)
	token := zstream.Token{ToName: "tank/fs@2", ToGUID: 7, FromGUID: 6, Object: 1, BookmarkRedactSnapshots: []uint64{8, 9}}
	files["book-token"] = []byte(token.String() + "\n")
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// beginsOf returns where the BEGIN records are.
func beginsOf(stream []byte) (offsets []int64) {
	v := zstream.Verifier{OnBegin: func(b zstream.Begin) error { offsets = append(offsets, b.Offset); return nil }}
	v.Write(stream)
	return offsets
}

// rewritten gives the END records of a package's list and of the package the checksums that zstream redup gives them: that of all
// from the last BEGIN or END on.
func rewritten(stream []byte) []byte {
	stream = bytes.Clone(stream)
	sumAt := func(from, header int64) {
		var sum zstream.Fletcher4
		at := header + zstream.HeaderSize - 32
		sum.Update(stream[from:at])
		for i, word := range sum.Sum() {
			binary.LittleEndian.PutUint64(stream[at+int64(8*i):], word)
		}
	}
	sumAt(0, beginsOf(stream)[1]-zstream.HeaderSize)
	last := int64(len(stream)) - zstream.HeaderSize
	sumAt(last, last)
	return stream
}

// distant is a stream of a snapshot of the year 36812.
func distant() []byte {
	var out bytes.Buffer
	w := zstream.NewWriter(&out)
	w.WriteBegin(zstream.Begin{ToName: "tank@1", ToGUID: 77, Creation: time.Unix(1<<40, 0)})
	w.WriteFree(1, 0, 1)
	w.WriteEnd()
	return out.Bytes()
}

// fullStream is a stream of a file.
func fullStream(t *testing.T) []byte {
	t.Helper()
	data, err := recordedStream("full")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFilter wants what passes before damage is found to be short of it by the record that it is in, or to have no END record.
func TestFilter(t *testing.T) {
	whole := fullStream(t)
	for at := 0; at < len(whole); at += 997 {
		stream := bytes.Clone(whole)
		stream[at] ^= 1
		for _, piece := range []int{64, 4096, 1 << 20} {
			var out bytes.Buffer
			f := &filter{verifier: new(zstream.Verifier), out: &out}
			_, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{bytes.NewReader(stream)}, make([]byte, piece))
			if err == nil {
				err = f.Close()
			}
			e, ok := errors.AsType[*zstream.Error](err)
			if !ok {
				t.Fatalf("byte %d, pieces of %d: %v", at, piece, err)
			}
			passed := out.Bytes()
			if int64(len(passed)) >= e.To || len(passed) > len(stream)-zstream.HeaderSize || !bytes.Equal(passed, stream[:len(passed)]) {
				t.Fatalf("byte %d, pieces of %d: %d bytes passed, damage is in bytes %d to %d", at, piece, len(passed), e.From, e.To)
			}
			var v zstream.Verifier
			v.Write(passed)
			if v.Close() == nil || v.Stats().Records[zstream.TypeEnd].Count > 0 {
				t.Fatalf("byte %d, pieces of %d: what passed has an END record", at, piece)
			}
		}
	}
}

// late is a context whose end is seen only by asking: as if the work came to an end at the same moment.
type late struct{ context.Context }

func (late) Done() <-chan struct{} { return nil }

// TestInterrupted wants what was interrupted to have failed: also if it ended at that moment, or was between two files.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := interruptible(ctx, func() error { return nil }); err != nil {
		t.Errorf("not interrupted: %v", err)
	}
	cancel(errInterrupted)
	if err := interruptible(ctx, func() error { <-t.Context().Done(); return nil }); !errors.Is(err, errInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	if err := interruptible(late{ctx}, func() error { return nil }); !errors.Is(err, errInterrupted) {
		t.Errorf("interrupted at its end: %v", err)
	}
	if err := interruptible(late{ctx}, func() error { return errInterrupted }); err == nil || err.Error() != "interrupted" {
		t.Errorf("interrupted, and told: %v", err)
	}
	c := &streamVerify{stdout: io.Discard, stderr: io.Discard}
	if err := c.run(ctx, []string{"none"}); !errors.Is(err, errInterrupted) {
		t.Errorf("between files: %v", err)
	}
}

// full is a device that has no space left.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestOutputFails wants failures to write what was asked for to be told.
func TestOutputFails(t *testing.T) {
	stream := filepath.Join(t.TempDir(), "full.zsend")
	if err := os.WriteFile(stream, fullStream(t), 0o644); err != nil {
		t.Fatal(err)
	}
	token := zstream.Token{ToName: "tank@1"}.String()
	for _, args := range [][]string{{"verify", stream}, {"verify", "--pass", stream}, {"stat", stream}, {"stat", "--json", stream},
		{"token", token}, {"token", "--json", token}} {
		var stderr bytes.Buffer
		root := newCommand(full{}, &stderr)
		root.SetArgs(append([]string{"stream"}, args...))
		ran, err := root.ExecuteContextC(t.Context())
		code := report(&stderr, ran, err)
		if code != exitFailed || !strings.Contains(stderr.String(), errFull.Error()) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
}
