package remote

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

const benchBytes = 1 << 30

// BenchmarkStream moves a stream of 1 GiB through a socketpair: by io.Copy, as an agent's send does, and as its receive does. What makes
// it and what takes it are in memory, so that it is only the way that is measured.
func BenchmarkStream(b *testing.B) {
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(benchBytes)
		for b.Loop() {
			near, far := socketpair(b)
			go func() {
				io.CopyBuffer(struct{ io.Writer }{far}, source(), make([]byte, copyBuffer))
				far.Close()
			}()
			drainAll(b, near)
			near.Close()
		}
	})
	b.Run("send", func(b *testing.B) {
		h := benchHost(b)
		b.SetBytes(benchBytes)
		for b.Loop() {
			r, err := h.Trace(b.Context()) // the same way as that of send, without its zfs
			if err != nil {
				b.Fatal(err)
			}
			drainAll(b, r)
			r.Close()
		}
	})
	b.Run("zfs-copy", func(b *testing.B) { // with a process and its pipe
		client := zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"send": {zfstest.Cat(sparse(b))}})}
		b.SetBytes(benchBytes)
		for b.Loop() {
			r, err := client.Send(b.Context(), "tank/a@x", zfssend.SendOptions{})
			if err != nil {
				b.Fatal(err)
			}
			near, far := socketpair(b)
			go func() {
				io.CopyBuffer(struct{ io.Writer }{far}, struct{ io.Reader }{r}, make([]byte, copyBuffer))
				far.Close()
			}()
			drainAll(b, near)
			near.Close()
			r.Close()
		}
	})
	b.Run("zfs-send", func(b *testing.B) { // likewise
		h := benchHost(b)
		b.SetBytes(benchBytes)
		for b.Loop() {
			r, err := h.Send(b.Context(), "tank/a@x", zfssend.SendOptions{})
			if err != nil {
				b.Fatal(err)
			}
			drainAll(b, r)
			r.Close()
		}
	})
}

func source() io.Reader { return io.LimitReader(zeros{}, benchBytes) }

// zeros takes no time to read.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func drainAll(b *testing.B, r io.Reader) {
	b.Helper()
	buf := make([]byte, copyBuffer)
	var total int
	for {
		n, err := r.Read(buf)
		total += n
		if err == io.EOF {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if total != benchBytes {
		b.Fatalf("%d bytes came", total)
	}
}

func benchHost(b *testing.B) *Host {
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"send": {zfstest.Cat(sparse(b))}})}
	agent := &Agent{Client: client, Policy: Unrestricted(), Trace: func(_ context.Context, w io.Writer) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, source(), make([]byte, copyBuffer))
		return err
	}}
	return connect(b, agent, Config{}).host
}

// sparse is a file without blocks on disk.
func sparse(b *testing.B) string {
	name := b.TempDir() + "/sparse"
	f, err := os.Create(name)
	if err == nil {
		err = f.Truncate(benchBytes)
		f.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return name
}
