package zstream

import (
	"encoding/binary"
	"fmt"
)

// Checksum is a Fletcher-4 checksum: four sums, each one the sum of all states of the one before it (zio_cksum_t).
type Checksum [4]uint64

// IsZero tells whether this is no checksum at all. Streams have zeros where no checksum was computed.
func (c Checksum) IsZero() bool { return c == Checksum{} }

// String returns the words in hexadecimal as OpenZFS prints them.
func (c Checksum) String() string { return fmt.Sprintf("%x/%x/%x/%x", c[0], c[1], c[2], c[3]) }

// Fletcher4 computes the Fletcher-4 checksum of data that comes in pieces (module/zcommon/zfs_fletcher.c). The zero value
// is ready to use. It is not cryptographic: it finds accidents, among them every single flipped bit, and no forgeries.
type Fletcher4 struct {
	// BigEndian says that the data are big-endian words. It must not be changed between updates.
	BigEndian bool

	sum  Checksum
	rest [4]byte // the beginning of a word, if the data so far wasn't a multiple of 4 bytes
	n    int     // bytes in rest
}

// Update adds data. How it is cut into pieces makes no difference.
func (f *Fletcher4) Update(p []byte) {
	if f.n > 0 {
		k := copy(f.rest[f.n:], p)
		p = p[k:]
		if f.n += k; f.n < 4 {
			return
		}
		f.n = 0
		f.words(f.rest[:])
	}
	whole := len(p) &^ 3
	f.words(p[:whole])
	f.n = copy(f.rest[:], p[whole:])
}

// Write is [Fletcher4.Update] as an io.Writer; it never fails.
func (f *Fletcher4) Write(p []byte) (int, error) {
	f.Update(p)
	return len(p), nil
}

// Sum returns the checksum of all data so far. The last 1 to 3 bytes don't count if the length isn't a multiple of 4:
// that is how OpenZFS does it.
func (f *Fletcher4) Sum() Checksum { return f.sum }

// Reset makes it ready for other data of the same byte order.
func (f *Fletcher4) Reset() { *f = Fletcher4{BigEndian: f.BigEndian} }

// words adds whole words. The sums are kept in registers, and one word costs a load and four additions, which a
// processor does in about a cycle: each addition waits only for the same one of the word before.
func (f *Fletcher4) words(p []byte) {
	if f.BigEndian {
		f.bigEndian(p)
		return
	}
	a, b, c, d := f.sum[0], f.sum[1], f.sum[2], f.sum[3]
	for len(p) >= 32 {
		q := p[:32:32]
		a += uint64(binary.LittleEndian.Uint32(q[0:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[4:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[8:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[12:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[16:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[20:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[24:]))
		b += a
		c += b
		d += c
		a += uint64(binary.LittleEndian.Uint32(q[28:]))
		b += a
		c += b
		d += c
		p = p[32:]
	}
	for ; len(p) >= 4; p = p[4:] {
		a += uint64(binary.LittleEndian.Uint32(p))
		b += a
		c += b
		d += c
	}
	f.sum = Checksum{a, b, c, d}
}

func (f *Fletcher4) bigEndian(p []byte) {
	a, b, c, d := f.sum[0], f.sum[1], f.sum[2], f.sum[3]
	for len(p) >= 16 {
		q := p[:16:16]
		a += uint64(binary.BigEndian.Uint32(q[0:]))
		b += a
		c += b
		d += c
		a += uint64(binary.BigEndian.Uint32(q[4:]))
		b += a
		c += b
		d += c
		a += uint64(binary.BigEndian.Uint32(q[8:]))
		b += a
		c += b
		d += c
		a += uint64(binary.BigEndian.Uint32(q[12:]))
		b += a
		c += b
		d += c
		p = p[16:]
	}
	for ; len(p) >= 4; p = p[4:] {
		a += uint64(binary.BigEndian.Uint32(p))
		b += a
		c += b
		d += c
	}
	f.sum = Checksum{a, b, c, d}
}
