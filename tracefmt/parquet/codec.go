package parquet

import (
	"github.com/klauspost/compress/zstd"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec is the library's zstd with one encoder for all columns, whose window is that of a page: the library's own keep
// 16 MiB each, several of them.
type codec struct {
	parquetzstd.Codec
	encoder *zstd.Encoder
}

const window = 1 << 20 // bytes; pages have a quarter of that, dictionaries as much

func newCodec() *codec {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
		zstd.WithZeroFrames(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic("tracefmt/parquet: " + err.Error()) // the options are constant
	}
	return &codec{encoder: encoder}
}

func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	return c.encoder.EncodeAll(src, dst[:0]), nil
}
