package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfssuite"
)

// closesVariable says how many streams TestRandomCloses closes.
const closesVariable = "SPANSTACK_CLOSES"

// atOnce is how many of them there are at a time: as many as the machine has processors, since what is timed is work that zfs
// has to do on one of them.
const atOnce = 2

// TestRandomCloses closes streams at random moments, in random ways, whatever their reader is doing. All are reaped soon, and
// nothing is left of them: no process, zombie, descriptor or goroutine, and no zfs that nothing can end.
func TestRandomCloses(t *testing.T) {
	ctx := platform(t)
	snapshot := source().name + "/data@x"
	closes := 100
	if text := os.Getenv(closesVariable); text != "" {
		var err error
		if closes, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	var (
		mu      sync.Mutex
		times   = make(map[string][]time.Duration) // from the end's request to the reaping
		all     []time.Duration
		longest time.Duration
		slowest randomClose
		wg      sync.WaitGroup
		seed    = zfssuite.Seed(t)
	)
	jobs := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for i := range jobs {
				c := newRandomClose(i, seed)
				took, err := c.run(ctx, snapshot)
				if err != nil {
					t.Errorf("%v: %v", c, err)
				}
				mu.Lock()
				times[c.moment.name] = append(times[c.moment.name], took)
				all = append(all, took)
				if took >= longest {
					longest, slowest = took, c
				}
				mu.Unlock()
			}
		})
	}
	for i := range closes {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	if left := zfsProcesses(); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, ", "))
	}
	for name, list := range times {
		t.Logf("%-32s %s", name, quantiles(list))
	}
	t.Logf("%-32s %s", "all", quantiles(all))
	t.Logf("the highest, %v, is that of %v", longest.Round(time.Millisecond), slowest)
}

func quantiles(list []time.Duration) string {
	slices.Sort(list)
	ms := func(q float64) time.Duration {
		return list[int(q*float64(len(list)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%4d closes: median %v, 99%% %v, highest %v", len(list), ms(0.5), ms(0.99), ms(1))
}

// zfsProcesses returns the zfs processes that there are, in whatever state, with what they are waiting for.
func zfsProcesses() (list []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		p, err := zfstest.ReadProcess(pid)
		if err != nil || p.Name != "zfs" {
			continue
		}
		list = append(list, fmt.Sprintf("pid %d in state %s, %s", pid, p.State, waitChannel(pid)))
	}
	return list
}

// randomClose is one close of one stream. Its choices depend on the test's seed and its number alone.
type randomClose struct {
	number int
	moment moment
	way    way
	verify bool
	random *rand.Rand
}

func newRandomClose(number int, seed uint64) randomClose {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	return randomClose{
		number: number,
		moment: moments[random.IntN(len(moments))],
		way:    ways[random.IntN(len(ways))],
		verify: random.IntN(4) == 0,
		random: random,
	}
}

func (c randomClose) String() string {
	return fmt.Sprintf("close %d: %s, %s, verified %t", c.number, c.moment.name, c.way.name, c.verify)
}

// moment is what the reader does when the stream is closed.
type moment struct {
	name string
	// read reads from s, and says by ready when the moment has come. The stream's end makes it return. It returns an error
	// that isn't the stream's if the moment doesn't come.
	read func(ctx context.Context, random *rand.Rand, s *zfssend.SendStream, ready func()) error
}

var moments = []moment{
	{"before anything is read", func(_ context.Context, _ *rand.Rand, _ *zfssend.SendStream, ready func()) error {
		ready()
		return nil
	}},
	{"with the pipe full", func(ctx context.Context, _ *rand.Rand, s *zfssend.SendStream, ready func()) error {
		err := standstill(ctx, s, nil)
		ready()
		return err
	}},
	{"during Read", func(_ context.Context, random *rand.Rand, s *zfssend.SendStream, ready func()) error {
		p := make([]byte, 1<<random.IntN(20))
		const mostReads = 1 << 14 // on an emulated machine, those of single bytes would take minutes
		for limit := random.Int64N(min(24<<20, mostReads*int64(len(p)))); ; {
			_, err := s.Read(p)
			if s.Stats().Bytes >= limit {
				ready()
			}
			if err != nil {
				return err
			}
		}
	}},
	{"in WriteTo a full pipe", func(ctx context.Context, _ *rand.Rand, s *zfssend.SendStream, ready func()) error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		return stalled(ctx, s, w, r, ready)
	}},
	{"in WriteTo a stalled socket", func(ctx context.Context, _ *rand.Rand, s *zfssend.SendStream, ready func()) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		w, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
		if err != nil {
			return err
		}
		defer w.Close()
		r, err := l.Accept()
		if err != nil {
			return err
		}
		return stalled(ctx, s, w, r, ready)
	}},
	{"at the end", func(_ context.Context, _ *rand.Rand, s *zfssend.SendStream, ready func()) error {
		n, err := s.WriteTo(io.Discard)
		ready()
		if err == nil && n < 32<<20 {
			return fmt.Errorf("complete after %d bytes", n)
		}
		return err
	}},
}

// output is a pipe or a socket.
type output interface {
	io.Writer
	syscall.Conn
}

// stalled writes a stream to an output that nobody reads, until the stream has ended.
func stalled(ctx context.Context, s *zfssend.SendStream, w output, r io.Closer, ready func()) error {
	stood := make(chan error, 1)
	go func() {
		defer r.Close() // frees the writer, which doesn't look at its stream while it waits for its output
		err := standstill(ctx, s, w)
		stood <- err
		if err == nil {
			ready()
			<-s.Done()
		}
	}()
	_, err := s.WriteTo(w)
	if serr := <-stood; serr != nil {
		return serr
	}
	if err == nil {
		return errors.New("WriteTo returned nil")
	}
	return nil
}

// way is how a stream is ended.
type way struct {
	name string
	// end ends the stream, and returns what each Close returned.
	end func(s *zfssend.SendStream, cancel context.CancelCauseFunc) []error
	// byClose and byContext say what may have ended it afterwards.
	byClose, byContext bool
}

var errGiveUp = errors.New("given up")

var ways = []way{
	{"Close", func(s *zfssend.SendStream, _ context.CancelCauseFunc) []error { return []error{s.Close()} }, true, false},
	{"several Closes", func(s *zfssend.SendStream, _ context.CancelCauseFunc) []error {
		errs := make([]error, 3)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = s.Close() })
		}
		wg.Wait()
		return errs
	}, true, false},
	{"the context", func(s *zfssend.SendStream, cancel context.CancelCauseFunc) []error {
		cancel(errGiveUp)
		return nil
	}, false, true},
	{"both", func(s *zfssend.SendStream, cancel context.CancelCauseFunc) []error {
		go cancel(errGiveUp)
		return []error{s.Close()}
	}, true, true},
}

// closed says what is wrong with what Close has returned of a stream whose end has come: it is nil if the stream was complete
// or Close has ended it, and the context's cause if that has.
func (w way) closed(err error, state zfssend.State) error {
	switch {
	case err == nil && (w.byClose || state == zfssend.StateComplete):
	case errors.Is(err, errGiveUp) && w.byContext && state == zfssend.StateCanceled:
	default:
		return fmt.Errorf("Close returned %v, in state %v", err, state)
	}
	return nil
}

// run returns how long it took until zfs was reaped.
func (c randomClose) run(ctx context.Context, snapshot string) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := zfs.Send(ctx, snapshot, zfssend.SendOptions{Verify: c.verify})
	if err != nil {
		return 0, err
	}
	ready := make(chan struct{})
	read := make(chan error, 1)
	go func() {
		once := sync.OnceFunc(func() { close(ready) })
		err := c.moment.read(ctx, c.random, s, once)
		once()
		read <- err
	}()
	<-ready
	start := time.Now()
	var closed []error
	within(c.String(), func() {
		closed = c.way.end(s, cancel)
		<-s.Done()
	})
	took := time.Since(start)
	if took >= 10*time.Second {
		err = fmt.Errorf("zfs was reaped after %v", took)
	}
	state := s.State()
	for _, cerr := range append(closed, s.Close()) {
		err = errors.Join(err, c.way.closed(cerr, state))
	}
	rerr := <-read
	if rerr != nil && !errors.Is(rerr, os.ErrClosed) && !errors.Is(rerr, errGiveUp) {
		err = errors.Join(err, fmt.Errorf("its reader got: %w", rerr))
	}
	if state != zfssend.StateCanceled && state != zfssend.StateComplete {
		err = errors.Join(err, fmt.Errorf("its state is %v: %w", state, s.Err()))
	}
	return took, err
}
