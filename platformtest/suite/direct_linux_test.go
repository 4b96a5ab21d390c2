package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfssuite"
)

// receiveDirect starts a send and a receive that reads its pipe. On a module where zfs send can't be ended then, the stream passes
// through us.
func receiveDirect(t *testing.T, ctx context.Context, snapshot, dataset string, so zfssend.SendOptions, ro zfssend.ReceiveOptions) (*zfssend.SendStream, *zfssend.Receive) {
	t.Helper()
	s, err := zfs.Send(ctx, snapshot, so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ro.Unmounted, ro.Direct = true, true
	r, err := zfs.Receive(ctx, dataset, s, ro)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if want := module(t) == "stock" && !so.Replicate; r.Stats().Direct != want || s.Stats().Direct != want {
		t.Errorf("direct is %t on a %s module", r.Stats().Direct, module(t))
	}
	return s, r
}

// TestDirect: what doesn't pass through us arrives, and all of it is counted.
func TestDirect(t *testing.T) {
	ctx := platform(t)
	src := source()
	blocks := src.create(t, "direct_blocks", "-o", "recordsize=1M")
	small := src.create(t, "direct_small")
	t.Cleanup(func() {
		for _, dataset := range []string{blocks, small} {
			run(t, "zfs", "destroy", "-r", dataset)
		}
	})
	src.write(t, "direct_blocks", "file", 8<<20)
	run(t, "zfs", "snapshot", blocks+"@x", small+"@x")
	src.write(t, "direct_blocks", "more", 3<<20)
	run(t, "zfs", "snapshot", blocks+"@y")
	for i, test := range []struct {
		what, snapshot string
		send           zfssend.SendOptions
	}{
		{"full", src.name + "/data@x", zfssend.SendOptions{}},
		{"large blocks", blocks + "@x", zfssend.SendOptions{LargeBlock: true}},
		{"package", blocks + "@y", zfssend.SendOptions{Replicate: true}},
		{"smaller than a pipe", small + "@x", zfssend.SendOptions{}},
	} {
		t.Run(test.what, func(t *testing.T) {
			dataset := fmt.Sprintf("%s/direct_%d", destination().name, i)
			whole, err := zfs.Send(ctx, test.snapshot, test.send)
			if err != nil {
				t.Fatal(err)
			}
			size, err := io.Copy(io.Discard, whole)
			if err != nil {
				t.Fatal(err)
			}
			s, r := receiveDirect(t, ctx, test.snapshot, dataset, test.send, zfssend.ReceiveOptions{})
			within("Wait", func() { err = r.Wait() })
			if err != nil {
				t.Fatal(err)
			}
			wantState(t, s, zfssend.StateComplete)
			wantState(t, r, zfssend.StateComplete)
			if s.Stats().Bytes != size || r.Stats().Bytes != size || r.Begin() == nil {
				t.Errorf("of %d bytes: %+v, %+v", size, s.Stats(), r.Stats())
			}
			copied := dataset + test.snapshot[len(test.snapshot)-len("@x"):]
			if a, b := contents(t, test.snapshot), contents(t, copied); !maps.Equal(a, b) {
				t.Errorf("sent %v, received %v", a, b)
			}
			run(t, "zfs", "destroy", "-r", dataset)
			t.Logf("%+v", r.Stats())
		})
	}
}

// TestDirectOfFailedSend: zfs receive sees the end of a failed send before we do, and is not the cause.
func TestDirectOfFailedSend(t *testing.T) {
	ctx := platform(t)
	for _, resumable := range []bool{false, true} {
		dataset := fmt.Sprintf("%s/direct_failed_%t", destination().name, resumable)
		s, r := receiveDirect(t, ctx, broken(), dataset, zfssend.SendOptions{}, zfssend.ReceiveOptions{Resumable: resumable})
		var err error
		within("Wait", func() { err = r.Wait() })
		if err == nil {
			t.Error("the receive was complete")
		}
		wantState(t, r, zfssend.StateCanceled)
		wantReadError(t, "the root cause", zfssend.RootCause(s.Err(), err))
		d, err := zfs.Dataset(ctx, dataset)
		if !resumable && !errors.Is(err, zfssend.NotFound) || resumable && (err != nil || len(d.Versions) > 0 || d.ResumeToken == "") {
			t.Errorf("the destination: %+v, %v", d, err)
		}
	}
}

// TestDirectReceiveFails: zfs receive's own error is the cause, and zfs send doesn't die of its broken pipe.
func TestDirectReceiveFails(t *testing.T) {
	ctx := platform(t)
	s, r := receiveDirect(t, ctx, source().name+"/data@x", source().name+"/data", zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	var err error
	within("Wait", func() { err = r.Wait() })
	if !errors.Is(err, zfssend.DestinationExists) {
		t.Errorf("Wait: %v", err)
	}
	wantState(t, r, zfssend.StateFailed)
	within("the end", func() { <-s.Done() })
	wantState(t, s, zfssend.StateCanceled)
	if e, ok := errors.AsType[*zfssend.Error](s.Err()); !ok || e.Signal == syscall.SIGPIPE {
		t.Errorf("send: %v", s.Err())
	}
}

// TestDirectClose: either end can be closed at any time, and both are gone soon.
func TestDirectClose(t *testing.T) {
	ctx := platform(t)
	random := rand.New(rand.NewPCG(zfssuite.Seed(t), 0))
	worst := time.Duration(0)
	for i := range 12 {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		dataset := fmt.Sprintf("%s/direct_closed_%d", destination().name, i)
		s, r := receiveDirect(t, ctx, source().name+"/data@x", dataset, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
		if t.Failed() {
			return
		}
		time.Sleep(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
		start := time.Now()
		within("the end", func() {
			switch i % 3 {
			case 0:
				closeStream(t, s)
			case 1:
				if err := r.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			default:
				cancel()
			}
			<-s.Done()
			<-r.Done()
		})
		worst = max(worst, time.Since(start))
		complete := r.State() == zfssend.StateComplete
		if !complete && r.State() != zfssend.StateCanceled {
			t.Errorf("it is %v: %v; send: %v", r.State(), r.Err(), s.Err())
		}
		e, _ := errors.AsType[*zfssend.Error](r.Err())
		switch _, err := zfs.Dataset(t.Context(), dataset); {
		case errors.Is(err, zfssend.NotFound) && !complete:
		case err == nil && (complete || e.MaybeCommitted):
			run(t, "zfs", "destroy", "-r", dataset)
		default:
			t.Errorf("the destination: %v; %v", err, e)
		}
	}
	t.Logf("the slowest end took %v", worst)
}
