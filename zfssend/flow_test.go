package zfssend

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// An outputKind is something that a stream is written to.
type outputKind struct {
	name    string
	spliced bool // on Linux
	open    func(t *testing.T) (io.WriteCloser, io.ReadCloser)
}

var outputKinds = []outputKind{
	{"pipe", true, func(t *testing.T) (io.WriteCloser, io.ReadCloser) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return w, r
	}},
	{"TCP", true, func(t *testing.T) (io.WriteCloser, io.ReadCloser) { return connect(t, "tcp", "127.0.0.1:0") }},
	{"Unix socket", true, func(t *testing.T) (io.WriteCloser, io.ReadCloser) {
		return connect(t, "unix", filepath.Join(t.TempDir(), "s"))
	}},
	{"blocking pipe", false, func(t *testing.T) (io.WriteCloser, io.ReadCloser) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		w.Fd() // makes it a blocking one
		return w, r
	}},
	{"io.Pipe", false, func(t *testing.T) (io.WriteCloser, io.ReadCloser) {
		r, w := io.Pipe()
		return w, r
	}},
	{"wrapped TCP", false, func(t *testing.T) (io.WriteCloser, io.ReadCloser) {
		w, r := connect(t, "tcp", "127.0.0.1:0")
		return struct{ *net.TCPConn }{w.(*net.TCPConn)}, r // it might count the bytes
	}},
}

func connect(t *testing.T, network, address string) (io.WriteCloser, io.ReadCloser) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return w, r
}

func (k outputKind) wantSpliced(t *testing.T, s *SendStream) {
	t.Helper()
	if got := s.Stats().Spliced > 0; got != (k.spliced && runtime.GOOS == "linux") {
		t.Errorf("%d of %d bytes were spliced", s.Stats().Spliced, s.Stats().Bytes)
	}
}

// TestWriteTo: all of a stream comes out, whatever it is written to, and its end is that of zfs.
func TestWriteTo(t *testing.T) {
	const n = 5_000_000
	for _, k := range outputKinds {
		for _, code := range []int64{0, 1} {
			t.Run(k.name, func(t *testing.T) {
				CheckLeaks(t)
				w, r := k.open(t)
				defer r.Close()
				s := send(t, Write(n), Exit(code))
				type result struct {
					n   int64
					err error
				}
				wrote := make(chan result, 1)
				go func() {
					n, err := s.WriteTo(w)
					w.Close()
					wrote <- result{n, err}
				}()
				if err := checkPattern(t, r, n); err != nil {
					t.Error(err)
				}
				got := <-wrote
				if got.n != n || code == 0 && got.err != nil || code != 0 && sendError(t, got.err).ExitCode != int(code) {
					t.Errorf("WriteTo: %d, %v", got.n, got.err)
				}
				if s.Stats().Bytes != n {
					t.Errorf("%+v", s.Stats())
				}
				k.wantSpliced(t, s)
			})
		}
	}
}

// TestWriteToFile: a file is no pipe, but can be written to.
func TestWriteToFile(t *testing.T) {
	CheckLeaks(t)
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "stream"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := send(t, Write(3_000_000))
	if n, err := s.WriteTo(f); n != 3_000_000 || err != nil {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	checkPattern(t, f, 3_000_000)
}

// TestWriteToClose: Close works, and zfs ends, while WriteTo waits for an output that doesn't move.
func TestWriteToClose(t *testing.T) {
	for _, k := range outputKinds {
		t.Run(k.name, func(t *testing.T) {
			CheckLeaks(t)
			w, r := k.open(t)
			defer w.Close()
			defer r.Close()
			s := send(t, Write(1<<30))
			wrote := make(chan error, 1)
			go func() {
				_, err := s.WriteTo(w)
				wrote <- err
			}()
			await(t, "output full", func() bool { return s.Stats().WriteWait > 0 && s.lasting(&s.writing) > 20*time.Millisecond })
			await(t, "full pipe", func() bool { return pending(s.pipe) > s.pipeSize/2 }) // a spliced page may be full in part
			within(t, "Close", func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			wantState(t, s, StateCanceled)
			k.wantSpliced(t, s)
			select {
			case <-s.Done():
			default:
				t.Error("it isn't done")
			}
			r.Close() // who owns the output ends the wait for it
			within(t, "WriteTo", func() {
				if err := <-wrote; err == nil {
					t.Error("WriteTo returned nil")
				}
			})
		})
	}
}

// TestWriteToBrokenOutput: an output that fails is told, and the stream can be written to another one.
func TestWriteToBrokenOutput(t *testing.T) {
	const n = 8_000_000
	for _, k := range outputKinds {
		t.Run(k.name, func(t *testing.T) {
			CheckLeaks(t)
			s := send(t, Write(n))
			w, r := k.open(t)
			defer w.Close()
			r.Close()
			passed, err := s.WriteTo(w)
			if err == nil || errors.Is(err, os.ErrClosed) {
				t.Errorf("WriteTo: %v", err)
			}
			if e, ok := errors.AsType[*Error](err); ok {
				t.Errorf("WriteTo returned an error of zfs's: %v", e)
			}
			wantState(t, s, StateOpen)
			rest, err := s.WriteTo(io.Discard)
			if err != nil || passed+rest != n && k.name != "TCP" && k.name != "wrapped TCP" { // TCP takes what it can't deliver
				t.Errorf("WriteTo another: %d after %d, %v", rest, passed, err)
			}
		})
	}
}

// TestWriteToFullDisk: what a writer doesn't take stays in the stream.
func TestWriteToFullDisk(t *testing.T) {
	for _, verify := range []bool{false, true} {
		CheckLeaks(t)
		stream := recorded(t, "full")
		s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{Verify: verify})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var got bytes.Buffer
		full := errors.New("disk full")
		for {
			room := 10_000
			_, err = s.WriteTo(writerFunc(func(p []byte) (int, error) {
				n := min(len(p), room)
				got.Write(p[:n])
				if room -= n; n < len(p) {
					return n, full
				}
				return n, nil
			}))
			if !errors.Is(err, full) {
				break
			}
			if p := make([]byte, 100); err != nil { // Read goes on there, too
				n, _ := s.Read(p)
				got.Write(p[:n])
			}
		}
		if err != nil || !bytes.Equal(got.Bytes(), stream) {
			t.Errorf("%d of %d bytes, or other ones: %v", got.Len(), len(stream), err)
		}
	}
}

// TestWriteToDeadline: the deadline of a connection ends WriteTo, and nothing is lost.
func TestWriteToDeadline(t *testing.T) {
	CheckLeaks(t)
	const n = 20_000_000
	s := send(t, Write(n))
	w, r := connect(t, "tcp", "127.0.0.1:0")
	defer w.Close()
	defer r.Close()
	conn := w.(net.Conn)
	if err := conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	first, err := s.WriteTo(conn)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("WriteTo: %v", err)
	}
	conn.SetWriteDeadline(time.Time{})
	var got bytes.Buffer
	done := make(chan error, 1)
	go func() {
		_, err := got.ReadFrom(r)
		done <- err
	}()
	second, err := s.WriteTo(conn)
	if err != nil || first+second != n {
		t.Errorf("WriteTo again: %d after %d, %v", second, first, err)
	}
	w.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkPattern(t, &got, n)
}

// TestWriteToClosedOutput: the error Is what it would be with a plain write.
func TestWriteToClosedOutput(t *testing.T) {
	for _, k := range outputKinds[:3] {
		t.Run(k.name, func(t *testing.T) {
			CheckLeaks(t)
			s := send(t, Write(1<<30))
			w, r := k.open(t)
			defer r.Close()
			wrote := make(chan error, 1)
			go func() {
				_, err := s.WriteTo(w)
				wrote <- err
			}()
			await(t, "output full", func() bool { return s.lasting(&s.writing) > 20*time.Millisecond })
			w.Close()
			within(t, "WriteTo", func() {
				if err := <-wrote; !errors.Is(err, os.ErrClosed) && !errors.Is(err, net.ErrClosed) {
					t.Errorf("WriteTo: %v", err)
				}
			})
			wantState(t, s, StateOpen)
		})
	}
}

// TestWriteToOutputClosedMeanwhile: likewise if it was closed while zfs was being waited for.
func TestWriteToOutputClosedMeanwhile(t *testing.T) {
	stream := recorded(t, "full")
	for _, verify := range []bool{false, true} {
		for _, k := range outputKinds[:3] {
			t.Run(fmt.Sprint(k.name, " ", verify), func(t *testing.T) {
				CheckLeaks(t)
				gate := filepath.Join(t.TempDir(), "gate")
				half := len(stream) / 2
				s, err := fake(Cat(file(t, stream[:half])), AwaitFile(gate), Cat(file(t, stream[half:]))).
					Send(t.Context(), "tank/a@x", SendOptions{Verify: verify})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				w, r := k.open(t)
				defer r.Close()
				go io.Copy(io.Discard, r)
				wrote := make(chan error, 1)
				go func() {
					_, err := s.WriteTo(w)
					wrote <- err
				}()
				await(t, "half of it", func() bool { return s.Stats().Bytes == int64(half) && s.lasting(&s.reading) > 0 })
				w.Close()
				touch(t, gate)
				within(t, "WriteTo", func() {
					if err := <-wrote; !errors.Is(err, os.ErrClosed) && !errors.Is(err, net.ErrClosed) {
						t.Errorf("WriteTo: %v", err)
					}
				})
			})
		}
	}
}

// TestWriteToShortWriter: a writer that takes less than it was given, without an error, doesn't make a stream look complete.
func TestWriteToShortWriter(t *testing.T) {
	CheckLeaks(t)
	s := send(t, Write(3_000_000))
	n, err := s.WriteTo(writerFunc(func(p []byte) (int, error) { return len(p) / 2, nil }))
	if err != io.ErrShortWrite || n >= 3_000_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	wantState(t, s, StateOpen)
	if err := checkPatternFrom(t, s, n, 3_000_000); err != nil { // what wasn't taken is still there
		t.Error(err)
	}
}

// TestWriteToDatagrams: a socket of messages gets what is written to it and isn't spliced to.
func TestWriteToDatagrams(t *testing.T) {
	CheckLeaks(t)
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
		if err := syscall.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	w, r := os.NewFile(uintptr(fds[0]), "w"), os.NewFile(uintptr(fds[1]), "r")
	defer w.Close()
	defer r.Close()
	if spliceable(w) != nil {
		t.Error("it would be spliced to")
	}
}

// TestReceiveSplices: between a send and a receive nothing is copied.
func TestReceiveSplices(t *testing.T) {
	CheckLeaks(t)
	const n = 5_000_000
	file := filepath.Join(t.TempDir(), "received")
	s := send(t, Write(n))
	r := receive(t, t.Context(), s, Save(file))
	if err := wait(t, r); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkPattern(t, bytes.NewReader(data), n)
	if st := r.Stats(); st.Bytes != n || runtime.GOOS == "linux" && st.Spliced < n/2 {
		t.Errorf("%+v", st)
	}
	if syscall.Kill(r.PID(), 0) == nil {
		t.Error("zfs receive is still there")
	}
}
