package trigger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

func init() {
	programs["panic"] = func(dir string) {
		defer OnPanic(Config{Dir: dir})
		work(func() { panic(errors.New("disaster")) })
	}
	programs["panic with a watcher"] = func(dir string) {
		w := mustWatch(Config{Dir: dir, Delay: time.Hour, GoTrace: true})
		defer w.Close()
		defer w.OnPanic()
		w.Fire(context.Background(), "not dumped yet")
		work(func() { panic("disaster") })
	}
	programs["panic without a directory"] = func(dir string) {
		defer OnPanic(Config{Dir: filepath.Join(os.Args[0], "dir")})
		work(func() { panic("disaster") })
	}
	programs["panic without a format"] = func(dir string) {
		defer OnPanic(Config{Dir: dir, Format: ".doc"})
		work(func() { panic("disaster") })
	}
	programs["no panic"] = func(dir string) {
		defer OnPanic(Config{Dir: dir})
		work(func() { fmt.Println("fine") })
	}
	programs["exit of a goroutine"] = func(dir string) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer OnPanic(Config{Dir: dir})
			runtime.Goexit()
		}()
		<-done
	}
	programs["hang"] = func(dir string) {
		w := mustWatch(Config{Dir: dir, Delay: 100 * time.Millisecond}, Slow(300*time.Millisecond, Named("replicate")))
		defer w.Close()
		work(func() {
			fmt.Println("hanging")
			select {}
		})
	}
}

// work runs f in a span of a task.
func work(f func()) {
	ctx, task := trace.WithTask(context.Background(), "replicate")
	defer task.End()
	_, span := trace.WithSpan(ctx, "zfs list")
	defer span.End()
	f()
}

func mustWatch(c Config, triggers ...Trigger) *Watcher {
	w, err := Watch(c, triggers...)
	if err != nil {
		panic(err)
	}
	return w
}

// A process is a program that was started.
type process struct {
	*exec.Cmd
	dir    string
	in     io.Writer
	out    *bufio.Reader
	stderr bytes.Buffer
}

func start(t *testing.T, program string) *process {
	t.Helper()
	if programs[program] == nil {
		t.Fatalf("there is no program %q", program)
	}
	p := &process{Cmd: exec.Command(os.Args[0]), dir: t.TempDir()}
	p.Env = append(os.Environ(), programEnv+"="+program, programEnv+"_DIR="+p.dir)
	p.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	return p
}

// line waits for a line of the program's output.
func (p *process) line(t *testing.T) string {
	t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("output: %v\n%s", err, &p.stderr)
	}
	return strings.TrimSpace(s)
}

// dumps waits until there are so many files in the directory, and none that isn't complete.
func (p *process) dumps(t *testing.T, n int) (paths []string) {
	t.Helper()
	waitFor(t, func() bool {
		paths, _ = filepath.Glob(filepath.Join(p.dir, "*"))
		hidden, _ := filepath.Glob(filepath.Join(p.dir, ".*"))
		return len(paths) >= n && len(hidden) == 0
	})
	if len(paths) != n {
		t.Errorf("dumps: %q", paths)
	}
	return paths
}

func TestPanic(t *testing.T) {
	for program, want := range map[string]struct{ stderr, dumps string }{
		"panic":                     {"because of panic: disaster\n", "panic.json"},
		"panic with a watcher":      {"because of panic: disaster, and 1 more\n", "panic.gotrace panic.json"},
		"panic without a directory": {"dump trace because of panic: disaster: mkdir ", ""},
		"panic without a format":    {`dump trace because of a panic: format ".doc" isn't known`, ""},
		"no panic":                  {"", ""},
		"exit of a goroutine":       {"", ""},
	} {
		t.Run(program, func(t *testing.T) {
			p := start(t, program)
			p.out.ReadString(0)
			err := p.Wait()
			stderr := p.stderr.String()
			if want.stderr == "" {
				if err != nil || stderr != "" || len(names(t, p.dir)) != 0 {
					t.Errorf("%v\n%s", err, stderr)
				}
				return
			}
			if p.ProcessState.ExitCode() != 2 {
				t.Errorf("a panic ends the program with %v", err)
			}
			for _, part := range []string{want.stderr, "disaster [recovered, repanicked]\n", "trigger.work("} {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q isn't on stderr:\n%s", part, stderr)
				}
			}
			var got []string
			for _, name := range names(t, p.dir) {
				parts := strings.Split(name, "-")
				got = append(got, parts[len(parts)-2]+filepath.Ext(name))
			}
			if strings.Join(got, " ") != want.dumps {
				t.Fatalf("dumps: %q\n%s", got, stderr)
			}
			if want.dumps != "" {
				checkPanicDump(t, p)
			}
		})
	}
}

func checkPanicDump(t *testing.T, p *process) {
	t.Helper()
	all := names(t, p.dir)
	events := load(t, filepath.Join(p.dir, all[len(all)-1]))
	var mark *tracefmt.Event
	slices := 0
	for _, e := range events {
		switch {
		case e.Name == "trigger: panic":
			mark = e
		case e.Name == "zfs list" || e.Name == "replicate":
			slices++
		case e.Name == "trigger: manual" && e.Attr("reason").String() != "not dumped yet":
			t.Errorf("another cause: %+v", e)
		}
	}
	if slices < 2 || mark == nil || mark.Attr("reason").String() != "disaster" ||
		!strings.Contains(mark.Attr("exception.stacktrace").String(), "trigger.work(") {
		t.Errorf("the dump has %d slices, and the mark %+v", slices, mark)
	}
}

func TestHang(t *testing.T) {
	p := start(t, "hang")
	if got := p.line(t); got != "hanging" {
		t.Fatal(got)
	}
	path := p.dumps(t, 1)[0]
	open := ""
	var mark *tracefmt.Event
	for _, e := range load(t, path) {
		switch {
		case e.Kind == tracefmt.Begin:
			open += e.Name + ","
		case e.Category == Category:
			mark = e
		}
	}
	if open != "replicate,zfs list," || mark == nil || !strings.HasPrefix(mark.Attr("reason").String(), `task "replicate" is open for `) {
		t.Errorf("open are %q, the mark is %+v", open, mark)
	}
	time.Sleep(time.Second)
	p.dumps(t, 1) // it still hangs, and nothing is new
}
