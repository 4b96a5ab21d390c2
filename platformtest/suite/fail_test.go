package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// broken is a snapshot whose send fails half way: a block of its only file is damaged on the disk.
var broken = sync.OnceValue(func() string {
	p := newPool(fixture{}, "broken")
	p.create(fixture{}, "data")
	p.write(fixture{}, "data", "file", 16<<20)
	content, err := os.ReadFile(filepath.Join(p.dir, "data", "file"))
	if err != nil {
		panic(err)
	}
	run(fixture{}, "zfs", "snapshot", p.name+"/data@x")
	run(fixture{}, "zpool", "export", p.name)
	vdev := filepath.Join(filepath.Dir(p.dir), "vdev")
	if err := damage(vdev, content[8<<20:8<<20+512]); err != nil {
		panic(err)
	}
	run(fixture{}, "zpool", "import", "-d", filepath.Dir(p.dir), p.name)
	return p.name + "/data@x"
})

// damage overwrites the place in a file where the sector is.
func damage(name string, sector []byte) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	found := 0
	buf := make([]byte, 1<<20)
	for at := int64(0); ; at += int64(len(buf)) {
		n, err := f.ReadAt(buf, at)
		for i := 0; i+len(sector) <= n; i += len(sector) {
			if bytes.Equal(buf[i:i+len(sector)], sector) {
				found++
				if _, err := f.WriteAt(make([]byte, len(sector)), at+int64(i)); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if found != 1 {
		return fmt.Errorf("%s has the sector %d times", name, found)
	}
	return f.Sync()
}

// wantReadError checks that an error is that of zfs send which could not read its source, with its own words.
func wantReadError(t *testing.T, what string, err error) {
	t.Helper()
	e, ok := errors.AsType[*zfssend.Error](err)
	if !ok || errors.Is(err, io.EOF) || e.Op != "send" || e.ExitCode != 1 || e.Cause != zfssend.PoolIO || !strings.Contains(e.Stderr, "Input/output error") {
		t.Errorf("%s: %v", what, err)
		return
	}
	t.Logf("%s: %v", what, err)
}

// TestSendFailsHalfWay: a send that fails in the middle is never complete, on whatever way it is read.
func TestSendFailsHalfWay(t *testing.T) {
	ctx := platform(t)
	snapshot := broken()
	for _, verify := range []bool{false, true} {
		for way, read := range map[string]func(s *zfssend.SendStream) error{
			"Read": func(s *zfssend.SendStream) error {
				_, err := io.Copy(io.Discard, struct{ io.Reader }{s})
				return err
			},
			"WriteTo": func(s *zfssend.SendStream) error {
				_, err := s.WriteTo(io.Discard)
				return err
			},
			"WriteTo a pipe": func(s *zfssend.SendStream) error {
				r, w, err := os.Pipe()
				if err != nil {
					return err
				}
				go func() {
					defer r.Close()
					io.Copy(io.Discard, r)
				}()
				defer w.Close()
				_, err = s.WriteTo(w)
				return err
			},
		} {
			s, err := zfs.Send(ctx, snapshot, zfssend.SendOptions{Verify: verify})
			if err != nil {
				t.Fatal(err)
			}
			within(way, func() { err = read(s) })
			wantReadError(t, fmt.Sprintf("%s, verified %t", way, verify), err)
			if n := s.Stats().Bytes; n < 4<<20 || n > 14<<20 {
				t.Errorf("%s: it failed after %d bytes, not half way", way, n)
			}
			<-s.Done()
			wantState(t, s, zfssend.StateFailed)
			wantReadError(t, way+", Close", s.Close())
		}
	}
}

// TestReceiveOfFailedSend: what a failed send leaves at the receiver is no snapshot, and the cause is the sender's.
func TestReceiveOfFailedSend(t *testing.T) {
	ctx := platform(t)
	for _, verify := range []bool{false, true} {
		s, err := zfs.Send(ctx, broken(), zfssend.SendOptions{Verify: verify})
		if err != nil {
			t.Fatal(err)
		}
		dataset := fmt.Sprintf("%s/failed_%t", destination().name, verify)
		r, err := zfs.Receive(ctx, dataset, s, zfssend.ReceiveOptions{Unmounted: true})
		if err != nil {
			t.Fatal(err)
		}
		within("Wait", func() { err = r.Wait() })
		if err == nil {
			t.Error("the receive was complete")
		}
		wantReadError(t, "the root cause", zfssend.RootCause(s.Err(), err))
		if _, err := zfs.Dataset(ctx, dataset); !errors.Is(err, zfssend.NotFound) {
			t.Errorf("the destination: %v", err)
		}
	}
}

// TestSendCloseInSplice closes a stream whose writer waits for an output that doesn't move.
func TestSendCloseInSplice(t *testing.T) {
	for name, open := range map[string]func() (io.WriteCloser, io.Closer, error){
		"pipe": func() (io.WriteCloser, io.Closer, error) {
			r, w, err := os.Pipe()
			return w, r, err
		},
		"socket": func() (io.WriteCloser, io.Closer, error) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, nil, err
			}
			defer l.Close()
			w, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				return nil, nil, err
			}
			r, err := l.Accept()
			return w, r, err
		},
	} {
		for _, o := range []zfssend.SendOptions{{}, {Verify: true}} {
			t.Run(fmt.Sprintf("%s, verified %t", name, o.Verify), func(t *testing.T) {
				s := sendWith(t, platform(t), o)
				w, r, err := open()
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				wrote := make(chan error, 1)
				go func() {
					_, err := s.WriteTo(w)
					wrote <- err
				}()
				awaitStandstill(t, s, w)
				awaitBlocked(t, s.PID())
				closeStream(t, s)
				wantState(t, s, zfssend.StateCanceled)
				r.Close() // its owner's business
				within("WriteTo", func() {
					if err := <-wrote; err == nil {
						t.Error("WriteTo returned nil")
					}
				})
			})
		}
	}
}
