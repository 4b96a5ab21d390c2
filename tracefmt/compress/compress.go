// Package compress lets traces be packed with zstd, and makes gzip faster, for its side effect:
//
//	import _ "github.com/spanstack/spanstack/tracefmt/compress"
//
// [tracefmt.NewReader] then unpacks zstd: any number of frames, with skippable ones among them. Frames that ask for a
// window of more than [MaxWindow] are refused, so that an input doesn't decide how much memory it gets. Dictionaries
// aren't known. gzip is the implementation of github.com/klauspost/compress, which packs about three times as fast as
// the standard library's, into files that are a tenth larger.
//
// Package tracefmt/all imports it. It is a package of its own for the sake of programs that capture their own traces:
// they need no more than the standard library has.
package compress

import (
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/spanstack/spanstack/tracefmt"
)

// MaxWindow bounds the memory of unpacking zstd: how far back, in bytes, a frame may refer to what came before. It is
// the most that the zstd command takes without being told to (its --ultra -22 and --long=27 make such frames).
const MaxWindow = 128 << 20

// Zstd is Zstandard. Source of the magics: RFC 8878, sections 3.1.1 (frames) and 3.1.2 (skippable frames).
var Zstd = &tracefmt.Compression{
	Name: "zstd", Extension: ".zst", Magics: zstdMagics(),
	NewReader: func(r io.Reader) (io.Reader, error) {
		// With a concurrency of 1 there are no goroutines, which somebody would have to end.
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(MaxWindow))
	},
	NewWriter: func(w io.Writer) io.WriteCloser {
		zw, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic("tracefmt/compress: " + err.Error()) // the options are constant
		}
		return zw
	},
}

// Gzip is gzip, faster than the standard library's.
var Gzip = &tracefmt.Compression{
	Name: "gzip", Extension: ".gz", Magics: []string{"\x1f\x8b"},
	NewReader: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	NewWriter: func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
}

func init() {
	tracefmt.RegisterCompression(Zstd)
	tracefmt.RegisterCompression(Gzip)
}

func zstdMagics() []string {
	magics := []string{"\x28\xb5\x2f\xfd"}
	for c := byte(0x50); c <= 0x5f; c++ {
		magics = append(magics, string([]byte{c, 0x2a, 0x4d, 0x18}))
	}
	return magics
}
