package zstream

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// naiveFletcher4 is the definition.
func naiveFletcher4(p []byte, order binary.ByteOrder) (sum Checksum) {
	for ; len(p) >= 4; p = p[4:] {
		sum[0] += uint64(order.Uint32(p))
		sum[1] += sum[0]
		sum[2] += sum[1]
		sum[3] += sum[2]
	}
	return sum
}

func TestFletcher4(t *testing.T) {
	t.Run("any split", rapid.MakeCheck(func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "data")
		f, order := Fletcher4{}, binary.ByteOrder(binary.LittleEndian)
		if rapid.Bool().Draw(t, "big endian") {
			f.BigEndian, order = true, binary.BigEndian
		}
		for rest := data; len(rest) > 0; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "piece")
			f.Update(rest[:n])
			rest = rest[n:]
			if n == 0 {
				break
			}
			if got, want := f.Sum(), naiveFletcher4(data[:len(data)-len(rest)], order); got != want {
				t.Fatalf("after %d of %d bytes: %v, want %v", len(data)-len(rest), len(data), got, want)
			}
		}
	}))
	t.Run("large", func(t *testing.T) { // sums overflow
		data := make([]byte, 8<<20)
		for i := range data {
			data[i] = 0xff
		}
		for _, big := range []bool{false, true} {
			f := Fletcher4{BigEndian: big}
			f.Update(data)
			if got, want := f.Sum(), naiveFletcher4(data, binary.LittleEndian); got != want {
				t.Errorf("big endian %v: %v, want %v", big, got, want)
			}
		}
	})
	t.Run("reset", func(t *testing.T) {
		f := Fletcher4{BigEndian: true}
		f.Update([]byte("hello"))
		f.Reset()
		if f != (Fletcher4{BigEndian: true}) {
			t.Errorf("after Reset: %+v", f)
		}
	})
}

// BenchmarkFletcher4 compares with the definition as a loop. Size 128 KiB is ZFS's usual block.
func BenchmarkFletcher4(b *testing.B) {
	data := make([]byte, 128<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	b.Run("little endian", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		var f Fletcher4
		for b.Loop() {
			f.Update(data)
		}
	})
	b.Run("big endian", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		f := Fletcher4{BigEndian: true}
		for b.Loop() {
			f.Update(data)
		}
	})
	b.Run("naive", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		var sum Checksum
		for b.Loop() {
			for p := data; len(p) >= 4; p = p[4:] {
				sum[0] += uint64(binary.LittleEndian.Uint32(p))
				sum[1] += sum[0]
				sum[2] += sum[1]
				sum[3] += sum[2]
			}
		}
		if sum.IsZero() {
			b.Fatal("no sum")
		}
	})
}
