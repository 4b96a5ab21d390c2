package zfsmodel

import (
	"bytes"
	"compress/zlib"
	"io"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// The model compresses what it sends, and not what it stores. Whatever the property says, it does so by gzip, of which there is
// one in the standard library; to ZFS, streams can be compressed by any.
const gzip6 = 10 // ZIO_COMPRESS_GZIP_6

// maxEmbedded is how many bytes of a compressed block fit into its pointer.
const maxEmbedded = 112

// writeBlock writes a block as the options want it.
func (s *sending) writeBlock(w *zstream.Writer, i item, object, offset uint64, data []byte) error {
	if !i.compressible || i.key != nil && s.raw || !s.embedded && !s.compressed {
		return w.WriteBlock(object, offset, data)
	}
	packed := deflate(data)
	size := uint64(len(data))
	switch n := uint64(len(packed)); {
	case s.embedded && n <= maxEmbedded:
		return w.WriteRecord(zstream.TypeWriteEmbedded, map[string]uint64{
			"object": object, "offset": offset, "length": size, "compression": gzip6, "lsize": size, "psize": n,
		}, append(packed, make([]byte, -n&7)...))
	case s.compressed && n > maxEmbedded && n <= size-size/8: // ZFS doesn't compress for less
		packed = append(packed, make([]byte, -n&511)...)
		return w.WriteRecord(zstream.TypeWrite, map[string]uint64{
			"object": object, "type": 19, "offset": offset, "logical_size": size, "compressiontype": gzip6, "compressed_size": uint64(len(packed)),
		}, packed)
	}
	return w.WriteBlock(object, offset, data)
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data) // a bytes.Buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// inflate returns the contents of a block, after which there may be zeros.
func inflate(packed []byte, size uint64) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, zstream.ErrFormat
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, zstream.ErrFormat
	}
	return data, nil
}

// blockOf returns the contents of the block that a WRITE or WRITE_EMBEDDED record holds.
func blockOf(r zstream.Record, payload []byte) ([]byte, error) {
	size, how := "logical_size", "compressiontype"
	if r.Type == zstream.TypeWriteEmbedded {
		size, how = "lsize", "compression"
	}
	n, _ := r.Field(size)
	switch by, _ := r.Field(how); by {
	case 0:
		return payload, nil
	case gzip6:
		return inflate(payload, n)
	}
	return nil, zstream.ErrUnsupported
}
