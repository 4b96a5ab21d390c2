//go:build unix

package trigger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

func init() {
	programs["signal"] = func(dir string) {
		w := mustWatch(Config{Dir: dir, Delay: 100 * time.Millisecond, Interval: -1})
		work(func() {
			fmt.Println("ready")
			fmt.Scanln()
			w.Close()
			fmt.Println("closed")
			fmt.Scanln()
		})
	}
	programs["full disk"] = func(dir string) {
		errors, dumps := 0, 0
		w := mustWatch(Config{Dir: dir, Delay: -1, Interval: -1,
			OnDump: func(Dump) { dumps++ },
			OnError: func(err error) {
				errors++
				fmt.Fprintln(os.Stderr, err)
			}})
		for range 1000 {
			_, task := trace.WithTask(context.Background(), fmt.Sprint("task ", rand.Uint64()))
			task.End()
		}
		var limit syscall.Rlimit
		syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit)
		for _, max := range []int64{10_000, 10_000, 1 << 30, 10_000} {
			limit.Cur = rlimit(max)
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
				panic(err)
			}
			w.Dump(context.Background(), "full?")
		}
		w.Close()
		fmt.Println(errors, dumps)
	}
}

func TestSignal(t *testing.T) {
	p := start(t, "signal")
	p.line(t)
	for n := 1; n <= 2; n++ {
		if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		paths := p.dumps(t, n)
		path := paths[n-1]
		if !strings.Contains(filepath.Base(path), "-signal-"+fmt.Sprint(p.Process.Pid)+".json") {
			t.Errorf("the dump is called %s", path)
		}
		open := ""
		for _, e := range load(t, path) {
			if e.Kind == tracefmt.Begin {
				open += e.Name + ","
			}
			if e.Category == Category && e.Attr("reason").String() != syscall.SIGUSR2.String() {
				t.Errorf("the mark is %+v", e)
			}
		}
		if open != "replicate,zfs list," {
			t.Errorf("open are %q", open)
		}
	}
	fmt.Fprintln(p.in)
	if got := p.line(t); got != "closed" {
		t.Fatal(got)
	}
	p.Process.Signal(syscall.SIGUSR2) // which Go programs that don't wait for it ignore
	fmt.Fprintln(p.in)
	p.out.ReadString(0)
	if err := p.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &p.stderr)
	}
	p.dumps(t, 2)
}

// TestFullDisk bounds the size of files, which fails as late as a full disk does.
func TestFullDisk(t *testing.T) {
	p := start(t, "full disk")
	if got := p.line(t); got != "2 1" {
		t.Errorf("errors and dumps: %s", got)
	}
	p.out.ReadString(0)
	p.Wait()
	if !strings.Contains(p.stderr.String(), "dump trace because of manual: full?: write trace: ") {
		t.Errorf("stderr: %s", &p.stderr)
	}
	if all := names(t, p.dir); len(all) != 1 || strings.HasPrefix(all[0], ".") {
		t.Errorf("left are %q", all)
	}
}
