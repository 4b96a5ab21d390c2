package perfetto_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/compress"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
)

// appendBytes adds a field of a message.
func appendBytes(dst []byte, field protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), data)
}

// FuzzReader reads arbitrary bytes and writes back what it could read. Whatever that is, it reads without an error, and
// is stable from then on.
func FuzzReader(f *testing.F) {
	files, err := filepath.Glob("testdata/perfetto/*.pftrace")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(write(f, fmttest.Sample()...))
	var packed bytes.Buffer
	zw := compress.Zstd.NewWriter(&packed)
	zw.Write(write(f, fmttest.Sample()...)) // into memory
	zw.Close()
	const packet, zstdPackets = 1, 133
	f.Add(appendBytes(nil, packet, appendBytes(nil, zstdPackets, packed.Bytes())))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(perfetto.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		once, _ := writeLossy(t, events...)
		twice, _ := writeLossy(t, read(t, once)...)
		if !bytes.Equal(once, twice) {
			if thrice, _ := writeLossy(t, read(t, twice)...); !bytes.Equal(twice, thrice) {
				t.Fatalf("not stable:\n%x\n%x\n%x", once, twice, thrice)
			}
		}
	})
}
