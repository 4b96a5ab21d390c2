// Command demo shows zferry at work on a real OpenZFS: it makes two pools, fills a dataset with incompressible data,
// replicates it in full, changes some of it, replicates the change, and compares the checksums of all files. It leaves
// the trace and the log of both replications.
//
// By default it does so in the virtual machine of platformtest/vm; with -zfs host on this host's own ZFS, as root, in
// two pools of its own that live in files and are destroyed at the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `Usage: demo [flags]

Replicates a dataset on a real OpenZFS, and leaves OUT/trace.json and OUT/log.txt.

  demo                                    in the virtual machine (built at the first time)
  demo -zfs taskq                         in the virtual machine, with the taskq variant of the ZFS module
  demo -zfs host -pool-dir /var/tmp       on this host's ZFS, as root; needs 400 MB there

Flags:
`

func main() {
	var s scenario
	zfs := flag.String("zfs", "vm", "where: vm, taskq or host")
	flag.StringVar(&s.poolDir, "pool-dir", "", "directory for the pools' files on this host (with -zfs host)")
	flag.StringVar(&s.out, "out", "demo", "directory for trace.json and log.txt")
	flag.StringVar(&s.bin, "bin", "", "directory of the programs zferry and trace-convert (default: build them)")
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
	if err := run(ctx, *zfs, s); err != nil {
		fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, zfs string, s scenario) error {
	outermost := s.bin == "" // and not in the machine of another demo
	if outermost {
		dir, err := os.MkdirTemp("", "spanstack-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := build(ctx, dir); err != nil {
			return err
		}
		s.bin = dir
	}
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	if err := s.runOn(ctx, zfs); err != nil {
		return err
	}
	if outermost {
		fmt.Printf("The log is in %[1]s/log.txt. Look at the trace in your browser: go run ./cmd/trace-view %[1]s/trace.json\n"+
			"The page begins with where its time went.\n", s.out)
	}
	return nil
}

// runOn runs the scenario on one of the systems that there are.
func (s *scenario) runOn(ctx context.Context, zfs string) error {
	switch zfs {
	case "vm":
		return runInVM(ctx, "stock", *s)
	case "taskq":
		return runInVM(ctx, "taskq", *s)
	case "host":
		if s.poolDir == "" {
			return fmt.Errorf("-zfs host needs -pool-dir, a directory for two pools of 200 MB (make demo ZFS=host POOL_DIR=/var/tmp)")
		}
		if os.Geteuid() != 0 {
			return fmt.Errorf("-zfs host makes pools, and needs root for that")
		}
		return s.run(ctx)
	}
	return fmt.Errorf("-zfs %s: want vm, taskq or host", zfs)
}

// build makes static programs, which run in the VM, too.
func build(ctx context.Context, dir string) error {
	for _, p := range []string{"cmd/zferry", "cmd/trace-convert", "platformtest/demo"} {
		cmd := command(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, filepath.Base(p)), "github.com/spanstack/spanstack/"+p)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build %s: %w", p, err)
		}
	}
	return nil
}
