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
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// closesVariable says how many streams TestRandomCloses closes.
const closesVariable = "SPANSTACK_CLOSES"

// atOnce is how many of them there are at a time.
const atOnce = 4

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
		mu    sync.Mutex
		times = make(map[string][]time.Duration) // from the end's request to the reaping
		all   []time.Duration
		wg    sync.WaitGroup
	)
	jobs := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for range jobs {
				c := randomClose{
					moment: moments[rand.IntN(len(moments))],
					way:    ways[rand.IntN(len(ways))],
					verify: rand.IntN(4) == 0,
				}
				took, err := c.run(ctx, snapshot)
				if err != nil {
					t.Errorf("%v: %v", c, err)
				}
				mu.Lock()
				times[c.moment.name] = append(times[c.moment.name], took)
				all = append(all, took)
				mu.Unlock()
			}
		})
	}
	for i := range closes {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	if stuck := deaf(); len(stuck) > 0 {
		t.Errorf("left in state D: %s", strings.Join(stuck, ", "))
	}
	for name, list := range times {
		t.Logf("%-32s %s", name, quantiles(list))
	}
	t.Logf("%-32s %s", "all", quantiles(all))
}

func quantiles(list []time.Duration) string {
	slices.Sort(list)
	ms := func(q float64) time.Duration {
		return list[int(q*float64(len(list)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%4d closes: median %v, 99%% %v, highest %v", len(list), ms(0.5), ms(0.99), ms(1))
}

// deaf returns the zfs processes that are in state D for longer than a moment.
func deaf() (list []string) {
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

// randomClose is one close of one stream.
type randomClose struct {
	moment moment
	way    way
	verify bool
}

func (c randomClose) String() string {
	return fmt.Sprintf("%s, %s, verified %t", c.moment.name, c.way.name, c.verify)
}

// moment is what the reader does when the stream is closed.
type moment struct {
	name string
	// read reads from s, and says by ready when the moment has come. The stream's end makes it return, or the end of ctx.
	read func(ctx context.Context, s *zfssend.SendStream, ready func()) error
}

var moments = []moment{
	{"before anything is read", func(_ context.Context, _ *zfssend.SendStream, ready func()) error {
		ready()
		return nil
	}},
	{"with the pipe full", func(ctx context.Context, s *zfssend.SendStream, ready func()) error {
		for ctx.Err() == nil && !stuck(s.PID()) {
			time.Sleep(5 * time.Millisecond)
		}
		ready()
		return nil
	}},
	{"during Read", func(_ context.Context, s *zfssend.SendStream, ready func()) error {
		limit := rand.Int64N(24 << 20)
		for p := make([]byte, 1<<rand.IntN(20)); ; {
			_, err := s.Read(p)
			if s.Stats().Bytes >= limit {
				ready()
			}
			if err != nil {
				return err
			}
		}
	}},
	{"in WriteTo a full pipe", func(ctx context.Context, s *zfssend.SendStream, ready func()) error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		return stalled(ctx, s, w, r, ready)
	}},
	{"in WriteTo a stalled socket", func(ctx context.Context, s *zfssend.SendStream, ready func()) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		w, err := net.Dial("tcp", l.Addr().String())
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
	{"at the end", func(_ context.Context, s *zfssend.SendStream, ready func()) error {
		n, err := s.WriteTo(io.Discard)
		ready()
		if err == nil && n < 32<<20 {
			return fmt.Errorf("complete after %d bytes", n)
		}
		return err
	}},
}

// stuck reports whether a zfs send waits for room in its pipe.
func stuck(pid int) bool {
	channel := waitChannel(pid)
	return strings.HasSuffix(channel, "pipe_write") || strings.HasPrefix(channel, "taskq_wait")
}

// stalled writes a stream to an output that nobody reads, until the stream has ended.
func stalled(ctx context.Context, s *zfssend.SendStream, w io.Writer, r io.Closer, ready func()) error {
	defer r.Close()
	go func() {
		for ctx.Err() == nil && (s.Stats().Bytes == 0 || !stuck(s.PID())) {
			time.Sleep(5 * time.Millisecond)
		}
		ready()
		<-s.Done()
		r.Close() // frees the writer, which doesn't look at its stream while it waits for its output
	}()
	_, err := s.WriteTo(w)
	if err == nil {
		return errors.New("WriteTo returned nil")
	}
	return nil
}

// way is how a stream is ended.
type way struct {
	name string
	end  func(s *zfssend.SendStream, cancel context.CancelCauseFunc)
}

var errGiveUp = errors.New("given up")

var ways = []way{
	{"Close", func(s *zfssend.SendStream, _ context.CancelCauseFunc) { s.Close() }},
	{"several Closes", func(s *zfssend.SendStream, _ context.CancelCauseFunc) {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { s.Close() })
		}
		wg.Wait()
	}},
	{"the context", func(s *zfssend.SendStream, cancel context.CancelCauseFunc) { cancel(errGiveUp) }},
	{"both", func(s *zfssend.SendStream, cancel context.CancelCauseFunc) {
		go cancel(errGiveUp)
		s.Close()
	}},
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
		err := c.moment.read(ctx, s, once)
		once()
		read <- err
	}()
	<-ready
	start := time.Now()
	c.way.end(s, cancel)
	<-s.Done()
	took := time.Since(start)
	if took >= 10*time.Second {
		err = fmt.Errorf("zfs was reaped after %v", took)
	}
	s.Close()
	rerr := <-read
	if rerr != nil && !errors.Is(rerr, os.ErrClosed) && !errors.Is(rerr, errGiveUp) {
		err = errors.Join(err, fmt.Errorf("its reader got: %w", rerr))
	}
	if state := s.State(); state != zfssend.StateCanceled && state != zfssend.StateComplete {
		err = errors.Join(err, fmt.Errorf("its state is %v: %w", state, s.Err()))
	}
	return took, err
}
