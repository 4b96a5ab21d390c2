package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// runInVM runs this program with -zfs host in the virtual machine, and brings its files out.
func runInVM(ctx context.Context, variant machine.Variant, s scenario) error {
	img, err := machine.Build(ctx, machine.BuildOptions{Progress: machine.NewProgress(os.Stderr)})
	if err != nil {
		return fmt.Errorf("build the virtual machine: %w", err)
	}
	start := time.Now()
	fmt.Printf("Booting a virtual machine with OpenZFS %s (%s module) …\n", img.ZFS, variant)
	res, err := img.Run(ctx, machine.RunOptions{
		Variant: variant,
		Payload: os.DirFS(s.bin),
		Command: []string{"demo", "-zfs", "host", "-pool-dir", "/tmp", "-bin", "/payload", "-out", "/out"},
		Stdout:  os.Stdout, Stderr: os.Stderr,
		OutDir:  s.out,
		Timeout: 10 * time.Minute,
	})
	if err != nil {
		return err
	}
	if res.ExitCode != 0 {
		return fmt.Errorf("the demo failed in the virtual machine with exit status %d", res.ExitCode)
	}
	fmt.Printf("The virtual machine ran for %v.\n", time.Since(start).Round(100*time.Millisecond))
	return nil
}
