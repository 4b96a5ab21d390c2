package index

import (
	"encoding/binary"
	"math"
)

// tileMagic is what an answer begins with: "SVT1".
const tileMagic = 0x31545653

func (s *Snapshot) appendHeader(dst []byte, tiles int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, tileMagic)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(tiles))
	return appendFloat(dst, float64(s.now))
}

// appendTile adds a tile. Everything is aligned to 8 bytes, as typed arrays of JavaScript want it.
func (s *Snapshot) appendTile(dst []byte, id TileID, level uint, t *tile) []byte {
	u32 := binary.LittleEndian.AppendUint32
	dst = u32(u32(dst, id.Track), uint32(level))
	dst = appendFloat(dst, float64(id.Index))
	dst = u32(u32(dst, uint32(s.gen)), uint32(len(t.rows)))
	dst = u32(u32(dst, uint32(len(t.slices.start))), uint32(len(t.marks.time)))
	dst = u32(u32(dst, uint32(len(t.counts.time))), 0)

	dst = appendUints(dst, t.rows)
	dst = appendFloats(appendFloats(dst, t.slices.start), t.slices.end)
	dst = appendUints(appendUints(appendUints(dst, t.slices.kind), t.slices.pos), t.slices.count)
	dst = appendCovers(dst, t.slices.cover)

	dst = appendFloats(dst, t.marks.time)
	dst = appendUints(appendUints(dst, t.marks.kind), t.marks.pos)
	dst = appendUints(appendUints(dst, t.marks.count), t.marks.severity)

	dst = appendUints(dst, t.counts.series)
	dst = appendFloats(appendFloats(dst, t.counts.time), t.counts.min)
	return appendFloats(appendFloats(dst, t.counts.max), t.counts.last)
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

func appendFloats(dst []byte, list []float64) []byte {
	for _, f := range list {
		dst = appendFloat(dst, f)
	}
	return dst
}

func appendUints(dst []byte, list []uint32) []byte {
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	return pad(dst, len(list))
}

func appendCovers(dst []byte, list []float32) []byte {
	for _, f := range list {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
	}
	return pad(dst, len(list))
}

// pad follows n values of 4 bytes.
func pad(dst []byte, n int) []byte {
	if n%2 == 1 {
		dst = append(dst, 0, 0, 0, 0)
	}
	return dst
}
