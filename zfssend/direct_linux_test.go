package zfssend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// bulky returns a valid stream that is longer than a pipe, twice.
func bulky(t *testing.T) []byte { return shreds(t, 3_000_000) }

// startDirect starts a send and a receive of it that read and write as scripts say.
func startDirect(t *testing.T, c *Client, send SendOptions, o ReceiveOptions) (*SendStream, *Receive) {
	t.Helper()
	return startDirectWith(t, t.Context(), c, c, send, o)
}

func startDirectWith(t *testing.T, ctx context.Context, from, to *Client, send SendOptions, o ReceiveOptions) (*SendStream, *Receive) {
	t.Helper()
	s, err := from.Send(ctx, "tank/a@x", send)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	o.Direct = true
	r, err := to.Receive(ctx, "backup/a", s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return s, r
}

func wantDirect(t *testing.T, s *SendStream, r *Receive, want bool) {
	t.Helper()
	if r.Stats().Direct != want || s.Stats().Direct != want {
		t.Errorf("direct: %v and %v, want %v", s.Stats().Direct, r.Stats().Direct, want)
	}
}

// TestDirect: all of a stream arrives, and is counted, be it shorter or longer than a pipe.
func TestDirect(t *testing.T) {
	for _, size := range []int{0, 100_000, 3_000_000} {
		for _, warning := range []string{"", "cannot do this\n"} {
			t.Run(fmt.Sprint(size, warning), func(t *testing.T) {
				CheckLeaks(t)
				stream, name := shreds(t, size), filepath.Join(t.TempDir(), "received")
				s, r := startDirect(t, scripted(Scripts{
					"send":    {Stderr(warning), Cat(file(t, stream)), Stderr(warning)},
					"receive": {Save(name)},
				}), SendOptions{}, ReceiveOptions{})
				if err := wait(t, r); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(name)
				if err != nil || !bytes.Equal(got, stream) {
					t.Errorf("%d of %d bytes, or other ones: %v", len(got), len(stream), err)
				}
				wantState(t, s, StateComplete)
				wantState(t, r, StateComplete)
				wantDirect(t, s, r, true)
				for _, st := range []Stats{s.Stats(), r.Stats()} {
					if !counted(st.Bytes, int64(len(stream))) || st.Spliced != st.Bytes || st.FirstByte <= 0 || st.PipeSize == 0 {
						t.Errorf("%+v", st)
					}
				}
				if s.Begin() == nil || r.Begin() == nil || r.Begin().ToGUID != 7 {
					t.Errorf("begins: %v, %v", s.Begin(), r.Begin())
				}
			})
		}
	}
}

// TestDirectCountsAtTheEnd: all is counted whenever zfs send ends: also where that is seen by its pipe just as it is reaped.
func TestDirectCountsAtTheEnd(t *testing.T) {
	stream := shreds(t, 100_000)
	whole, dir := file(t, stream), t.TempDir()
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range 50 {
				gate := filepath.Join(dir, fmt.Sprint(worker, "-", i))
				s, r := startDirect(t, scripted(Scripts{
					"send":    {Cat(whole), AwaitFile(gate)},
					"receive": {Save(gate + ".received")},
				}), SendOptions{}, ReceiveOptions{})
				time.Sleep(rand.N(3 * directFirst))
				touch(t, gate)
				err := r.Wait()
				<-s.Done()
				if sent, received := s.Stats().Bytes, r.Stats().Bytes; err != nil || !counted(sent, int64(len(stream))) || !counted(received, int64(len(stream))) {
					t.Errorf("of %d bytes, %d were counted of the send and %d of the receive: %v", len(stream), sent, received, err)
				}
			}
		})
	}
	wg.Wait()
}

// counted reports whether n bytes were counted of a stand-in's stream. It is a Go program, whose runtime writes 8 bytes
// to wake itself up now and then; that of zfs itself is right to the byte, as the suite on real ZFS sees.
func counted(got, n int64) bool { return n <= got && got < n+1000 && (got-n)%8 == 0 }

// TestIndirect: what can't be direct passes through us, and arrives.
func TestIndirect(t *testing.T) {
	stream := bulky(t)
	whole, gate := file(t, stream), filepath.Join(t.TempDir(), "gate")
	plain := fake(Cat(whole))
	for what, test := range map[string]struct {
		client  *Client
		send    SendOptions
		receive ReceiveOptions
	}{
		"send verifies":          {client: plain, send: SendOptions{Verify: true}},
		"receive verifies":       {client: plain, receive: ReceiveOptions{Verify: true}},
		"sent through a wrapper": {client: &Client{Command: append([]string{"env"}, plain.Command...)}},
		"another process writes": {client: fake(CatByChild(whole))},
		"a package":              {client: fake(Cat(file(t, recorded(t, "intermediates"))))},
		"a small beginning":      {client: fake(Cat(file(t, stream[:100])), AwaitFile(gate), Cat(file(t, stream[100:])))},
	} {
		t.Run(what, func(t *testing.T) {
			CheckLeaks(t)
			name := filepath.Join(t.TempDir(), "received")
			s, r := startDirectWith(t, t.Context(), test.client, fake(Save(name)), test.send, test.receive)
			if what == "a small beginning" {
				touch(t, gate)
			}
			if err := wait(t, r); err != nil {
				t.Fatal(err)
			}
			want := stream
			if what == "a package" {
				want = recorded(t, "intermediates")
			}
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d of %d bytes, or other ones: %v", len(got), len(want), err)
			}
			wantDirect(t, s, r, false)
		})
	}
}

// TestDirectBeginsAlready: a stream of which something has been read isn't whole in its pipe.
func TestDirectBeginsAlready(t *testing.T) {
	CheckLeaks(t)
	stream, name := bulky(t), filepath.Join(t.TempDir(), "received")
	s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	r, err := fake(Save(name)).Receive(t.Context(), "backup/a", s, ReceiveOptions{Direct: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, r); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, stream[1000:]) || r.Stats().Direct {
		t.Errorf("%d of %d bytes, or other ones: %v", len(got), len(stream), err)
	}
}

// TestDirectRefused: of what isn't expected, or is dangerous, zfs receive gets nothing.
func TestDirectRefused(t *testing.T) {
	dangerous := shreds(t, 0)
	dangerous[4] = 1 // the payload's length, little-endian: 16 MiB and more
	dangerous[7] = 1
	for name, test := range map[string]struct {
		stream  []byte
		send    SendOptions
		receive ReceiveOptions
		want    error
	}{
		"by the sender":   {shreds(t, 0), SendOptions{Expect: &Expect{ToGUID: 8}}, ReceiveOptions{}, Unexpected},
		"by the receiver": {shreds(t, 0), SendOptions{}, ReceiveOptions{Expect: &Expect{ToGUID: 8}}, Unexpected},
		"a package":       {recorded(t, "intermediates"), SendOptions{}, ReceiveOptions{Expect: &Expect{ToGUID: 8}}, Unexpected},
		"dangerous":       {dangerous, SendOptions{}, ReceiveOptions{}, BadStream},
		"no stream":       {nil, SendOptions{}, ReceiveOptions{Expect: &Expect{}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			got := filepath.Join(t.TempDir(), "received")
			s, r := startDirect(t, scripted(Scripts{"send": {Cat(file(t, test.stream))}, "receive": {Save(got)}}), test.send, test.receive)
			err := wait(t, r)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("Wait: %v", err)
			}
			if data, err := os.ReadFile(got); len(data) > 0 {
				t.Errorf("zfs receive got %d bytes (%v)", len(data), err)
			}
			wantDirect(t, s, r, false)
		})
	}
}

// TestDirectExpected: what is as expected is direct.
func TestDirectExpected(t *testing.T) {
	CheckLeaks(t)
	expect := &Expect{ToGUID: 7, ToName: "tank/a@x"}
	s, r := startDirect(t, scripted(Scripts{"send": {Cat(file(t, bulky(t)))}, "receive": {Save(os.DevNull)}}),
		SendOptions{Expect: expect}, ReceiveOptions{Expect: expect})
	if err := wait(t, r); err != nil {
		t.Error(err)
	}
	wantDirect(t, s, r, true)
}

// TestDirectSendFails: a send that fails is never a complete one, and its failure is the cause, whatever zfs receive
// makes of the end of its input, and whenever.
func TestDirectSendFails(t *testing.T) {
	const complaint = "warning: cannot send 'tank/a@x': Input/output error\n"
	stream := bulky(t)
	for name, receive := range map[string][]Action{
		"the receiver succeeds": {Save(os.DevNull)},
		"the receiver fails":    {Save(os.DevNull), Stderr("cannot receive: incomplete stream\n"), Exit(1)},
		"the receiver stays":    {Save(os.DevNull), Block()},
		"the receiver is slow":  {Read(1000), Block()},
	} {
		for _, part := range []int{1000, 2_500_000, len(stream)} {
			if receive[0].Do == "read" && part > 1<<20 {
				continue // zfs send can't come to its failure: nothing takes what it writes
			}
			t.Run(fmt.Sprintf("%s, after %d", name, part), func(t *testing.T) {
				CheckLeaks(t)
				s, r := startDirect(t, scripted(Scripts{
					"send":    {Cat(file(t, stream[:part])), Stderr(complaint), Exit(1)},
					"receive": receive,
				}), SendOptions{}, ReceiveOptions{})
				err := wait(t, r)
				var z, received, cause *Error
				if !errors.As(s.Err(), &z) || z.ExitCode != 1 || z.Stderr != complaint {
					t.Fatalf("send: %v", s.Err())
				}
				if !errors.As(err, &received) || !errors.As(received.Err, &cause) || cause.Op != "send" {
					t.Errorf("Wait: %v", err)
				}
				wantState(t, s, StateFailed)
				wantState(t, r, StateCanceled)
				wantDirect(t, s, r, true)
				if !z.MaybeCommitted {
					t.Error("zfs receive can't have committed?")
				}
			})
		}
	}
}

// TestDirectReceiveFails: a receive that fails is the cause, and zfs send is ended without a broken pipe.
func TestDirectReceiveFails(t *testing.T) {
	for name, test := range map[string]struct{ send, receive []Action }{
		"at once":           {[]Action{Cat(file(t, bulky(t))), Block()}, []Action{Stderr("no space\n"), Exit(1)}},
		"in the middle":     {[]Action{Cat(file(t, bulky(t)))}, []Action{Read(100_000), Stderr("no space\n"), Exit(1)}},
		"sender stalls":     {[]Action{Cat(file(t, shreds(t, 0))), Block()}, []Action{Read(312), Stderr("no space\n"), Exit(1)}},
		"having read all":   {[]Action{Cat(file(t, bulky(t)))}, []Action{Save(os.DevNull), Stderr("no space\n"), Exit(1)}},
		"sender is through": {[]Action{Cat(file(t, shreds(t, 0)))}, []Action{Read(312), Stderr("no space\n"), Exit(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			s, r := startDirect(t, scripted(Scripts{"send": test.send, "receive": test.receive}), SendOptions{}, ReceiveOptions{})
			err := wait(t, r)
			var z *Error
			if !errors.As(err, &z) || z.Op != "receive" || z.ExitCode != 1 || z.Stderr != "no space\n" {
				t.Errorf("Wait: %v", err)
			}
			wantState(t, r, StateFailed)
			<-s.Done()
			if errors.As(s.Err(), &z) && z.Signal == syscall.SIGPIPE {
				t.Errorf("send: %v", z)
			}
			wantDirect(t, s, r, true)
		})
	}
}

// TestDirectUnread: an exit with 0 before the end of the stream is a failure.
func TestDirectUnread(t *testing.T) {
	for name, send := range map[string][]Action{
		"sender has more":   {Cat(file(t, bulky(t)))},
		"sender ends":       {Cat(file(t, shreds(t, 0)))},
		"sender never ends": {Cat(file(t, shreds(t, 0))), Block()},
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			c := scripted(Scripts{"send": send, "receive": {Read(312)}})
			c.Grace = 200 * time.Millisecond
			s, r := startDirect(t, c, SendOptions{}, ReceiveOptions{})
			if err := wait(t, r); !errors.Is(err, errUnread) && !errors.Is(err, errNoEnd) {
				t.Errorf("Wait: %v", err)
			}
			wantState(t, r, StateFailed)
			wantDirect(t, s, r, true)
		})
	}
}

// TestDirectClose: who closes either end, or cancels the context, ends both in bounded time, whatever the two are
// doing.
func TestDirectClose(t *testing.T) {
	full, short := file(t, bulky(t)), file(t, shreds(t, 0))
	reason := errors.New("shutting down")
	for name, test := range map[string]struct{ send, receive []Action }{
		"pipe is full":  {[]Action{Cat(full)}, []Action{Block()}},
		"pipe is empty": {[]Action{Cat(short), Block()}, []Action{Save(os.DevNull)}},
		"flowing":       {[]Action{Cat(short), Write(1 << 40)}, []Action{Save(os.DevNull)}},
		"sender is out": {[]Action{Cat(short)}, []Action{Block()}},
	} {
		for _, how := range []string{"send", "receive", "context", "both"} {
			t.Run(name+", "+how, func(t *testing.T) {
				if name == "flowing" {
					test.receive = []Action{Read(1 << 40)}
				}
				CheckLeaks(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				c := scripted(Scripts{"send": test.send, "receive": test.receive})
				s, r := startDirectWith(t, ctx, c, c, SendOptions{}, ReceiveOptions{})
				wantDirect(t, s, r, true)
				time.Sleep(rand.N(50 * time.Millisecond))
				within(t, how, func() {
					switch how {
					case "send":
						if err := s.Close(); err != nil {
							t.Errorf("Close: %v", err)
						}
					case "receive":
						if err := r.Close(); err != nil {
							t.Errorf("Close: %v", err)
						}
					case "context":
						cancel(reason)
					default:
						var both sync.WaitGroup
						both.Go(func() { s.Close() })
						both.Go(func() { r.Close() })
						both.Wait()
					}
					<-r.Done()
					<-s.Done()
				})
				wantState(t, r, StateCanceled)
				if err := r.Err(); how == "context" && !errors.Is(err, reason) {
					t.Errorf("receive: %v", err)
				}
			})
		}
	}
}

// TestDirectBeforeTheFirstRecord: Receive waits for it, and no longer than its context, or the stream, lasts.
func TestDirectBeforeTheFirstRecord(t *testing.T) {
	reason := errors.New("shutting down")
	for _, how := range []string{"context", "close", "stall"} {
		t.Run(how, func(t *testing.T) {
			CheckLeaks(t)
			c := fake(Block())
			if how == "stall" {
				c.StallTimeout = 100 * time.Millisecond
			}
			s, err := c.Send(t.Context(), "tank/a@x", SendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			go func() {
				time.Sleep(20 * time.Millisecond)
				switch how {
				case "context":
					cancel(reason)
				case "close":
					s.Close()
				}
			}()
			want := map[string]error{"context": reason, "close": os.ErrClosed, "stall": ErrStalled}[how]
			within(t, "Receive", func() {
				r, err := fake(Save(os.DevNull)).Receive(ctx, "backup/a", s, ReceiveOptions{Direct: true})
				if err == nil {
					err = r.Wait()
				}
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			})
		})
	}
}

// TestDirectStalls: the watchdog sees who of the two does nothing.
func TestDirectStalls(t *testing.T) {
	full, short := file(t, bulky(t)), file(t, shreds(t, 0))
	for name, test := range map[string]struct {
		send, receive []Action
		of            string
	}{
		"the sender":                         {[]Action{Cat(short), Block()}, []Action{Save(os.DevNull)}, "send"},
		"the receiver":                       {[]Action{Cat(full)}, []Action{Block()}, "receive"},
		"the receiver, with little to read":  {[]Action{Cat(short), Block()}, []Action{Block()}, "receive"},
		"the receiver, with nothing to read": {[]Action{Cat(short)}, []Action{Save(os.DevNull), Block()}, "receive"},
	} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			c := scripted(Scripts{"send": test.send, "receive": test.receive})
			c.StallTimeout = 400 * time.Millisecond
			s, r := startDirect(t, c, SendOptions{}, ReceiveOptions{})
			err := wait(t, r)
			if !errors.Is(err, ErrStalled) || !errors.Is(err, Stalled) {
				t.Fatalf("Wait: %v", err)
			}
			<-s.Done()
			if sent := errors.Is(s.Err(), ErrStalled); sent != (test.of == "send") {
				t.Errorf("send: %v", s.Err())
			}
			if st := r.Stats(); test.of == "send" && st.ReadWait < st.WriteWait || test.of == "receive" && st.WriteWait < st.ReadWait {
				t.Errorf("waits of %v and %v", st.ReadWait, st.WriteWait)
			}
			if !strings.Contains(err.Error(), "pid ") {
				t.Errorf("what it did isn't told: %v", err)
			}
		})
	}
}

// TestDirectDraining: a step of the sender's beyond its stream's end keeps its state at draining.
func TestDirectDraining(t *testing.T) {
	CheckLeaks(t)
	gate := filepath.Join(t.TempDir(), "gate")
	c := scripted(Scripts{"send": {Cat(file(t, bulky(t))), CloseStdout(), AwaitFile(gate)}, "receive": {Save(os.DevNull)}})
	c.Grace = patience
	s, r := startDirect(t, c, SendOptions{}, ReceiveOptions{})
	await(t, "draining", func() bool { return s.State() == StateDraining })
	touch(t, gate)
	if err := wait(t, r); err != nil {
		t.Error(err)
	}
	wantState(t, s, StateComplete)
}

// TestAcceptable: what goes by without being looked at any more is a stream's first record, and nothing else.
func TestAcceptable(t *testing.T) {
	s, r := &SendStream{}, &Receive{}
	if !r.acceptable(s, shreds(t, 0)[:zstream.HeaderSize]) || r.acceptable(s, make([]byte, zstream.HeaderSize)) {
		t.Error("a BEGIN isn't, or something else is")
	}
}
