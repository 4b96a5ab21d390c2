// Command hungsend shows a zfs send that hangs, to be watched while it does. In the virtual machine, with the module on which
// openzfs#12500 happens, zferry replicates into a zfs receive that was stopped: zfs send then waits for room in its pipe, deaf to all
// signals. It prints the address at which that zferry can be looked at from this host:
//
//	$ go run ./platformtest/hungsend
//	http://127.0.0.1:40031/debug/trace/
//	$ trace-view http://127.0.0.1:40031/debug/trace/
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/forward"
	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

const usage = `Usage: hungsend [flags]

Has a zfs send hang in the virtual machine (built at the first time), and prints where the zferry that waits for it shows what it
does, when it is so far. It hangs until Ctrl-C.

  hungsend                                then: trace-view URL, or a browser at URL/ui/
  hungsend -listen 127.0.0.1:6060

Exit status: 0 ended by Ctrl-C; 1 failed; 2 wrong usage; 3 this host can't have the machine.

Flags:
`

const exitUnavailable = 3

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` of this host; port 0 is any that is free")
	inGuest := flag.Bool("guest", false, "this is the machine: for hungsend itself")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := func() error { return show(ctx, *listen) }
	if *inGuest {
		run = func() error { return hang(ctx) }
	}
	err := run()
	if err == nil || ctx.Err() != nil {
		return
	}
	fmt.Fprintf(os.Stderr, "hungsend: error: %v\n", err)
	if errors.Is(err, machine.ErrUnavailable) {
		os.Exit(exitUnavailable)
	}
	os.Exit(1)
}

// show boots the machine, and prints the address when zfs send hangs in it. It returns when ctx ends, or something fails.
func show(ctx context.Context, listen string) error {
	dir, err := os.MkdirTemp("", "spanstack-hungsend-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(ctx, dir); err != nil {
		return err
	}
	img, err := machine.Build(ctx, machine.BuildOptions{Progress: machine.NewProgress(os.Stderr)})
	if err != nil {
		return fmt.Errorf("build the virtual machine: %w", err)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	defer l.Close()
	hangs := sync.OnceFunc(func() { fmt.Printf("http://%s/debug/trace/\n", l.Addr()) })
	r, err := img.Run(ctx, machine.RunOptions{
		Variant: machine.TaskQ, Payload: os.DirFS(dir), Command: []string{"hungsend", "-guest"},
		Stdout: writer(hangs), Stderr: os.Stderr,
		Port:    func(port io.ReadWriteCloser) { _ = forward.Host(l, port) }, // the machine ends with an error, or with ctx
		Timeout: 24 * time.Hour,
	})
	if err == nil {
		err = fmt.Errorf("nothing hangs in the machine any more: exit status %d", r.ExitCode)
	}
	return err
}

// writer calls a function whenever something is written.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

// build makes static programs, which run in the machine, too.
func build(ctx context.Context, dir string) error {
	for _, p := range []string{"cmd/zferry", "platformtest/hungsend"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, filepath.Base(p)), "github.com/spanstack/spanstack/"+p)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build %s: %w", p, err)
		}
	}
	return nil
}
