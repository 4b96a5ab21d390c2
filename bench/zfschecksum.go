package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Ways to look at a stream on one processor.
const (
	naiveFletcher way = "Fletcher-4, a plain loop"
	ourFletcher   way = "zstream.Fletcher4"
	bigFletcher   way = "zstream.Fletcher4, of a big-endian stream"
	ourVerifier   way = "zstream.Verifier"
)

var checksumWays = []way{naiveFletcher, ourFletcher, bigFletcher, ourVerifier}

// A checksumBench computes checksums in memory, in the pieces that streams are read in.
type checksumBench struct {
	time   time.Duration // a measurement takes at least so long
	stream []byte        // a valid one
	naive  naiveSum      // result of the plain loop, so that it isn't optimized away
}

const (
	checkedStream = 8 << 20
	checkedPiece  = 256 << 10
)

func newChecksumBench(d time.Duration) (*checksumBench, error) {
	var stream bytes.Buffer
	err := writeSubstream(&stream, checkedStream)
	return &checksumBench{time: d, stream: stream.Bytes()}, err
}

// measure goes one way over the stream, again and again.
func (c *checksumBench) measure(w way) (p passage, err error) {
	cpu, start := cpuTime(), time.Now()
	for p.Time < c.time {
		if err := c.once(w); err != nil {
			return p, fmt.Errorf("%s: %w", w, err)
		}
		p.Bytes += int64(len(c.stream))
		p.Time = time.Since(start)
	}
	p.CPU = cpuTime() - cpu
	return p, nil
}

func (c *checksumBench) once(w way) error {
	switch w {
	case naiveFletcher:
		c.naive = naiveSum{}
		return c.pass(&c.naive)
	case ourFletcher:
		return c.pass(new(zstream.Fletcher4))
	case bigFletcher:
		return c.pass(&zstream.Fletcher4{BigEndian: true})
	default:
		v := new(zstream.Verifier)
		if err := c.pass(v); err != nil {
			return err
		}
		return v.Close()
	}
}

func (c *checksumBench) pass(to io.Writer) error {
	for p := c.stream; len(p) > 0; {
		n := min(len(p), checkedPiece)
		if _, err := to.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// naiveSum is Fletcher-4 as it is written down first, for data in whole words.
type naiveSum [4]uint64

func (s *naiveSum) Write(p []byte) (int, error) {
	for i := 0; i+4 <= len(p); i += 4 {
		s[0] += uint64(binary.LittleEndian.Uint32(p[i:]))
		s[1] += s[0]
		s[2] += s[1]
		s[3] += s[2]
	}
	return len(p), nil
}

// writeSubstream writes a stream of one file of incompressible data, in blocks of 128 KiB as zfs send does.
func writeSubstream(to io.Writer, size int64) error {
	const block = 128 << 10
	w := zstream.NewWriter(to)
	w.WriteBegin(zstream.Begin{ToName: "pool/data@bench", ToGUID: 1})
	w.WriteObject(2, block, nil)
	data := randomBytes(block)
	for offset := int64(0); offset < size; offset += block {
		binary.LittleEndian.PutUint64(data, uint64(offset))
		w.WriteBlock(2, uint64(offset), data)
	}
	w.WriteEnd()
	return w.Close()
}
