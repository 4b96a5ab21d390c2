package zfssend

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// shreds returns a valid stream of about n bytes. Most of its records are so small that pieces of any size often end within a header,
// which a gate holds back.
func shreds(t *testing.T, n int) []byte {
	t.Helper()
	var stream bytes.Buffer
	random := rand.NewChaCha8([32]byte{1})
	w := zstream.NewWriter(&stream)
	w.WriteBegin(zstream.Begin{ToName: "tank/a@x", ToGUID: 7})
	for offset := uint64(0); stream.Len() < n; {
		block := make([]byte, 4*(1+random.Uint64()%100))
		if random.Uint64()%1000 == 0 {
			block = make([]byte, 400_000)
		}
		random.Read(block)
		w.WriteBlock(2, offset, block)
		offset += uint64(len(block))
	}
	w.WriteEnd()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return stream.Bytes()
}

func sendVerified(t *testing.T, script ...Action) *SendStream {
	t.Helper()
	s, err := fake(script...).Send(t.Context(), "tank/a@x", SendOptions{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestVerifiedWriteTo: a verified stream comes out as it is, and is moved where one that isn't verified would be.
func TestVerifiedWriteTo(t *testing.T) {
	stream := shreds(t, 4_000_000)
	for _, k := range outputKinds {
		t.Run(k.name, func(t *testing.T) {
			CheckLeaks(t)
			w, r := k.open(t)
			defer r.Close()
			s := sendVerified(t, Cat(file(t, stream)))
			wrote := make(chan error, 1)
			go func() {
				_, err := s.WriteTo(w)
				w.Close()
				wrote <- err
			}()
			got, err := io.ReadAll(r)
			if err := errors.Join(err, <-wrote); err != nil || !bytes.Equal(got, stream) {
				t.Errorf("%d of %d bytes, or other ones: %v", len(got), len(stream), err)
			}
			if st := s.Stats(); st.Bytes != int64(len(stream)) {
				t.Errorf("%+v", st)
			}
			k.wantSpliced(t, s)
		})
	}
}

// TestVerifiedReceive: between a verified send and a receive, it is moved, too, and each byte counts once.
func TestVerifiedReceive(t *testing.T) {
	CheckLeaks(t)
	stream, name := shreds(t, 4_000_000), filepath.Join(t.TempDir(), "received")
	r := receive(t, t.Context(), sendVerified(t, Cat(file(t, stream))), Save(name))
	if err := wait(t, r); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, stream) {
		t.Errorf("%d of %d bytes, or other ones: %v", len(got), len(stream), err)
	}
	if st := r.Stats(); st.Bytes != int64(len(stream)) || runtime.GOOS == "linux" && st.Spliced < st.Bytes*9/10 {
		t.Errorf("%+v", st)
	}
}

// TestVerifiedPipeIsFull: what an output doesn't take stays in the stream, wherever it is: in the gate or in zfs's pipe.
func TestVerifiedPipeIsFull(t *testing.T) {
	CheckLeaks(t)
	stream := shreds(t, 2_000_000)
	s := sendVerified(t, Cat(file(t, stream)))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	var got []byte
	buf := make([]byte, 1<<20)
	for turns := 0; ; turns++ {
		if err := w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		passed, err := s.WriteTo(w)
		n, readErr := io.ReadFull(r, buf[:passed])
		if got = append(got, buf[:n]...); readErr != nil {
			t.Fatal(readErr)
		}
		if err == nil {
			if turns < 5 {
				t.Errorf("the pipe was full %d times", turns)
			}
			break
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		n, _ = s.Read(buf[:1000]) // goes on there, too
		got = append(got, buf[:n]...)
	}
	if !bytes.Equal(got, stream) {
		t.Errorf("%d of %d bytes, or other ones", len(got), len(stream))
	}
	if runtime.GOOS == "linux" && s.Stats().Spliced == 0 {
		t.Error("nothing was spliced")
	}
}

// TestVerifiedClose: Close works, and zfs ends, while a verified stream waits for an output that doesn't move.
func TestVerifiedClose(t *testing.T) {
	name := file(t, shreds(t, 32_000_000)) // more than the buffers of sockets hold
	for _, k := range outputKinds {
		t.Run(k.name, func(t *testing.T) {
			CheckLeaks(t)
			w, r := k.open(t)
			defer w.Close()
			defer r.Close()
			s := sendVerified(t, Cat(name), Block())
			wrote := make(chan error, 1)
			go func() {
				_, err := s.WriteTo(w)
				wrote <- err
			}()
			await(t, "output full", func() bool { return s.lasting(&s.writing) > 20*time.Millisecond })
			within(t, "Close", func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			wantState(t, s, StateCanceled)
			r.Close()
			within(t, "WriteTo", func() {
				if err := <-wrote; err == nil {
					t.Error("WriteTo returned nil")
				}
			})
		})
	}
}
