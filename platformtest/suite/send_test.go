package suite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfssuite"
)

// patience bounds what must happen soon. Emulated machines are slow; nothing waits for it unless it fails.
const patience = time.Minute

func itoa(n int) string { return strconv.Itoa(n) }

// within fails the test with all stacks if f takes too long.
func within(what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		debug.SetTraceback("all")
		go panic(what + " hangs") // for the stacks, and on a goroutine of its own, since cleaning up would hang, too
		select {}
	}
}

func send(t *testing.T, ctx context.Context) *zfssend.SendStream {
	t.Helper()
	return sendWith(t, ctx, zfssend.SendOptions{})
}

func sendWith(t *testing.T, ctx context.Context, o zfssend.SendOptions) *zfssend.SendStream {
	t.Helper()
	s, err := zfs.Send(ctx, source().name+"/data@x", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// closeStream closes a stream whose own failure isn't expected.
func closeStream(t *testing.T, s *zfssend.SendStream) {
	t.Helper()
	start := time.Now()
	within("Close", func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Logf("Close took %v", time.Since(start).Round(time.Millisecond))
}

func wantState(t *testing.T, s interface{ State() zfssend.State }, want zfssend.State) {
	t.Helper()
	if got := s.State(); got != want {
		t.Errorf("state is %v, want %v", got, want)
	}
}

func TestSendCloseBlockedOnPipe(t *testing.T) {
	s := send(t, platform(t))
	awaitBlocked(t, s.PID())
	closeStream(t, s)
	wantState(t, s, zfssend.StateCanceled)
	if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
}

func TestSendCancelBlockedOnPipe(t *testing.T) {
	ctx, cancel := context.WithCancelCause(platform(t))
	defer cancel(nil)
	s := send(t, ctx)
	awaitBlocked(t, s.PID())
	reason := errors.New("shutting down")
	cancel(reason)
	within("the end", func() { <-s.Done() })
	wantState(t, s, zfssend.StateCanceled)
	if _, err := io.Copy(io.Discard, s); !errors.Is(err, reason) || !errors.Is(err, zfssend.Canceled) {
		t.Errorf("Read: %v", err)
	}
	if err := s.Close(); !errors.Is(err, reason) {
		t.Errorf("Close: %v", err)
	}
}

// TestSendCloseInRead closes a stream while another goroutine is blocked in Read, since zfs is stopped.
func TestSendCloseInRead(t *testing.T) {
	s := send(t, platform(t))
	if err := syscall.Kill(s.PID(), syscall.SIGSTOP); err != nil { // long before it has begun to send
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, s)
		read <- err
	}()
	zfstest.AwaitGoroutine(t, "zfssend.(*SendStream).readPipe", "IO wait")
	closeStream(t, s)
	within("Read", func() {
		if err := <-read; !errors.Is(err, os.ErrClosed) {
			t.Errorf("Read: %v", err)
		}
	})
	wantState(t, s, zfssend.StateCanceled)
}

// TestSendCloseAnytime closes streams after random amounts of data, while they are read.
func TestSendCloseAnytime(t *testing.T) {
	ctx := platform(t)
	random := rand.New(rand.NewPCG(zfssuite.Seed(t), 0))
	var longest time.Duration
	var after int64 // bytes
	const rounds = 25
	for range rounds {
		s := send(t, ctx)
		limit := random.Int64N(32 << 20)
		read := make(chan error, 1)
		reached := make(chan struct{})
		go func() {
			_, err := io.CopyN(io.Discard, s, limit)
			close(reached)
			if err == nil {
				_, err = io.Copy(io.Discard, s)
			}
			read <- err
		}()
		<-reached
		start := time.Now()
		within("Close", func() {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
		if took := time.Since(start); took > longest {
			longest, after = took, limit
		}
		if err := <-read; err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("Read: %v", err)
		}
	}
	t.Logf("the longest of %d took %v, after %d bytes", rounds, longest.Round(time.Millisecond), after)
}

// TestSendCloseInWriteTo closes a stream while WriteTo waits for a writer that doesn't move, and zfs for WriteTo.
func TestSendCloseInWriteTo(t *testing.T) {
	s := send(t, platform(t))
	r, w := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		_, err := s.WriteTo(w)
		wrote <- err
	}()
	awaitStandstill(t, s, w)
	awaitBlocked(t, s.PID())
	closeStream(t, s)
	r.Close()
	if err := <-wrote; err == nil {
		t.Error("WriteTo returned nil")
	}
}

func TestSendCloseAfterEOF(t *testing.T) {
	s := send(t, platform(t))
	var n int64
	var err error
	within("reading", func() { n, err = io.Copy(io.Discard, s) })
	if err != nil || n < 32<<20 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	wantState(t, s, zfssend.StateComplete)
	if n, err := s.Read(make([]byte, 10)); n != 0 || err != io.EOF {
		t.Errorf("Read after the end: %d, %v", n, err)
	}
	for range 2 {
		closeStream(t, s)
	}
	wantState(t, s, zfssend.StateComplete)
	if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	if st := s.Stats(); st.Bytes != n || st.FirstByte <= 0 {
		t.Errorf("%+v", st)
	} else {
		t.Logf("%+v", st)
	}
}

func TestSendCloseTwiceBeforeEOF(t *testing.T) {
	s := send(t, platform(t))
	for range 2 {
		closeStream(t, s)
	}
	wantState(t, s, zfssend.StateCanceled)
	if err := s.Err(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Err: %v", err)
	}
}

func TestSendUnknownSnapshot(t *testing.T) {
	ctx := platform(t)
	s, err := zfs.Send(ctx, source().name+"/data@nowhere", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, s)
	e, ok := errors.AsType[*zfssend.Error](err)
	if !ok || n != 0 || e.ExitCode != 1 || e.Cause != zfssend.NotFound || !strings.Contains(e.Stderr, "data@nowhere") {
		t.Errorf("%d bytes, %#v", n, err)
	}
	t.Log(err)
	wantState(t, s, zfssend.StateFailed)
	if cerr := s.Close(); cerr == nil || cerr.Error() != err.Error() {
		t.Errorf("Close: %v", cerr)
	}
}

// TestSendKilled: when somebody else kills zfs send, its reader gets an error and never the end of the stream. What zfs
// had put into the pipe arrives before.
func TestSendKilled(t *testing.T) {
	s := send(t, platform(t))
	awaitBlocked(t, s.PID())
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var n int64
	var err error
	within("reading", func() { n, err = io.Copy(io.Discard, s) })
	if e, ok := errors.AsType[*zfssend.Error](err); !ok || e.Signal != syscall.SIGKILL || n == 0 || errors.Is(err, zfssend.Canceled) {
		t.Errorf("%d bytes, %v", n, err)
	}
	wantState(t, s, zfssend.StateFailed)
}

// TestReceiveClose: what is received in part leaves a resume token, and never a snapshot.
func TestReceiveClose(t *testing.T) {
	ctx := platform(t)
	s := send(t, ctx)
	var head bytes.Buffer
	if _, err := io.CopyN(&head, s, 16<<20); err != nil {
		t.Fatal(err)
	}
	closeStream(t, s)
	dataset := destination().name + "/partial"
	input, feed := io.Pipe()
	r, err := zfs.Receive(ctx, dataset, input, zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := feed.Write(head.Bytes()); err != nil {
		t.Fatal(err)
	}
	within("Close", func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	wantState(t, r, zfssend.StateCanceled)
	d, err := zfs.Dataset(ctx, dataset)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Versions) != 0 || d.ResumeToken == "" {
		t.Errorf("got %+v", d)
	}
	plan, err := (&replicate.Replicator{}).Plan(ctx, source().name+"/data", dataset)
	if err != nil || len(plan.Datasets[0].Steps) == 0 || plan.Datasets[0].Steps[0].Token != d.ResumeToken {
		t.Fatalf("plan: %+v, %v; want it to resume", plan, err)
	}
	wantSteps(t, copyAll(t, ctx, source().name+"/data", dataset), "resumed @x")
	wantEqual(t, ctx, source().name+"/data", dataset)
}

// TestReceiveFails: zfs receive's own error comes at once, while its sender is silent.
func TestReceiveFails(t *testing.T) {
	ctx := platform(t)
	stalled, feed := io.Pipe()
	defer feed.Close()
	r, err := zfs.Receive(ctx, source().name+"/data", stalled, zfssend.ReceiveOptions{Unmounted: true})
	if err != nil {
		t.Fatal(err)
	}
	s := send(t, ctx)
	if _, err := io.CopyN(feed, s, 312); err != nil { // the BEGIN record is enough for it to see what it would overwrite
		t.Fatal(err)
	}
	closeStream(t, s)
	within("Wait", func() { err = r.Wait() })
	if _, err := feed.Write([]byte("more")); err == nil {
		t.Error("the input is still open")
	}
	if !errors.Is(err, zfssend.DestinationExists) {
		t.Errorf("Wait: %v", err)
	}
	t.Log(err)
	wantState(t, r, zfssend.StateFailed)
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
