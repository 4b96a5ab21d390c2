package zfssend

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

func openPipe(t *testing.T) (*readEnd, *os.File) {
	t.Helper()
	r, w, size, err := newPipe()
	if err != nil {
		t.Fatal(err)
	}
	e := newReadEnd(r, size)
	t.Cleanup(func() {
		e.Close()
		w.Close()
	})
	return e, w
}

// TestQuiet: a pipe that is filled slowly becomes quiet; it ceases to be, and loses nothing, when nothing comes for long,
// and when somebody reads it otherwise.
func TestQuiet(t *testing.T) {
	CheckLeaks(t)
	e, w := openPipe(t)
	piece := bytes.Repeat([]byte("slow"), 2_500)
	const pieces = 40
	go func() {
		for range pieces {
			time.Sleep(2 * time.Millisecond)
			w.Write(piece)
		}
		time.Sleep(20 * idleNaps * time.Millisecond)
		w.Write(piece)
		time.Sleep(time.Millisecond)
		w.Write(piece)
		w.Close()
	}()
	var got bytes.Buffer
	quiet := false
	buf := make([]byte, 1<<20)
	for got.Len() < (pieces+1)*len(piece) {
		if err := e.try(func(fd uintptr) bool {
			if !ready(fd, unix.POLLIN) {
				return false
			}
			n, _ := unix.Read(int(fd), buf)
			e.came(n)
			got.Write(buf[:n])
			return true
		}); err != nil {
			t.Fatal(err)
		}
		quiet = quiet || e.quiet
		if idle := got.Len() > pieces*len(piece); idle && e.quiet {
			t.Error("it is quiet, though nothing came for long")
		}
	}
	if !quiet {
		t.Error("it has never been quiet")
	}
	if err := e.setQuiet(true); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&got, e); err != nil || e.quiet {
		t.Errorf("Read: %v, quiet %v", err, e.quiet)
	}
	if want := bytes.Repeat(piece, pieces+2); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got %d bytes, or other ones; want %d", got.Len(), len(want))
	}
}

// TestQuietFast: a pipe that is filled at once doesn't become quiet.
func TestQuietFast(t *testing.T) {
	e, _ := openPipe(t)
	time.Sleep(paceTime)
	e.came(100 * e.size)
	if e.pace() {
		t.Errorf("it is quiet, with naps of %v", e.nap)
	}
}

// TestQuietClose: nothing of a pipe stays open that is closed while it becomes quiet, or ceases to be.
func TestQuietClose(t *testing.T) {
	CheckLeaks(t)
	for range 300 {
		e, w := openPipe(t)
		begun, ended := make(chan struct{}), make(chan struct{})
		go func() {
			close(begun)
			for quiet := true; ; quiet = !quiet {
				if e.setQuiet(quiet) != nil {
					close(ended)
					return
				}
			}
		}()
		<-begun
		e.Close()
		<-ended
		if _, err := w.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("the pipe is still open: %v", err)
		}
		w.Close()
	}
}
