package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Shell boots a machine with a shell on this process's terminal, for a person to try things. Of opts it uses Variant,
// Payload, which may be nil, Tools, Disks, MemoryMiB, CPUs and ForceTCG.
func (img *Image) Shell(ctx context.Context, opts RunOptions) error {
	if err := opts.setDefaults(); err != nil {
		return err
	}
	if err := checkTools([]string{qemu}); err != nil {
		return err
	}
	if err := prepareDisks(opts.Disks); err != nil {
		return err
	}
	initrd, err := img.writeInitrd(opts, guestConfig(opts, "", true), "")
	if err != nil {
		return err
	}
	defer os.Remove(initrd)
	h := hardware{opts.MemoryMiB, opts.CPUs, !opts.ForceTCG && useKVM("/sys")}
	// Multiplexed with QEMU's escape keys; Ctrl-C goes to the guest.
	args := append(h.args(img.Dir+"/"+kernelFile, initrd), diskArgs(opts.Disks)...)
	cmd := exec.CommandContext(ctx, qemu, append(args,
		"-chardev", "stdio,id=tty,mux=on,signal=off", "-serial", "chardev:tty")...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", qemu, err)
	}
	return nil
}
