package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// zfs is the client for everything but the streams that faults are injected into.
var zfs zfssend.Client

const (
	// tag is that of the replication's holds, and the beginning of its bookmarks' names.
	tag = "spanstack_faults"

	poolSize = 320 << 20
)

// pools are the source's and the destination's. They live in files, or on disks that outlive the machine.
type pools struct {
	dir      string // for all files of the run
	src, dst string // names
	srcVdev  string
	dstVdevs []string // a mirror
}

// newPools makes two pools of files below dir.
func newPools(ctx context.Context, dir string) (*pools, error) {
	p := &pools{
		dir: dir, src: fmt.Sprintf("spanstack_faults_src_%d", os.Getpid()), dst: fmt.Sprintf("spanstack_faults_dst_%d", os.Getpid()),
		srcVdev: filepath.Join(dir, "src.vdev"), dstVdevs: []string{filepath.Join(dir, "dst1.vdev"), filepath.Join(dir, "dst2.vdev")},
	}
	for _, vdev := range append([]string{p.srcVdev}, p.dstVdevs...) {
		f, err := os.Create(vdev)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.Truncate(poolSize), f.Close()); err != nil {
			return nil, err
		}
	}
	return p, p.create(ctx)
}

// create makes the pools on what vdevs there are. Data aren't cached on the source, so that each send reads its disk, and
// finds what zinject has damaged there.
func (p *pools) create(ctx context.Context) error {
	if _, err := command(ctx, "zpool", "create", "-o", "cachefile=none", "-m", p.mount(), "-O", "primarycache=metadata",
		"-O", "snapdev=visible", p.src, p.srcVdev); err != nil {
		return err
	}
	args := []string{"create", "-o", "cachefile=none", "-m", "none", "-O", "snapdev=visible", p.dst}
	if len(p.dstVdevs) > 1 {
		args = append(args, "mirror")
	}
	if _, err := command(ctx, "zpool", append(args, p.dstVdevs...)...); err != nil {
		return errors.Join(err, p.destroy(ctx))
	}
	return nil
}

// mount is where the source is mounted.
func (p *pools) mount() string { return filepath.Join(p.dir, "src") }

// destroy destroys both pools, whatever is injected into them.
func (p *pools) destroy(ctx context.Context) error {
	_, _ = command(ctx, "zinject", "-c", "all")
	_, _ = command(ctx, "zpool", "clear", p.dst)
	_, serr := command(ctx, "zpool", "destroy", "-f", p.src)
	_, derr := command(ctx, "zpool", "destroy", "-f", p.dst)
	return errors.Join(serr, derr)
}

// command runs a program that only answers, and returns its output. The error has what it said.
func command(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this program to handle
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

// patience bounds every wait. It is long, since emulated machines on loaded hosts are slow.
const patience = 2 * time.Minute

// await waits until something is so, for as long as ctx and patience allow. Nothing tells when, so it looks often.
func await(ctx context.Context, what string, is func() bool) error {
	deadline := time.Now().Add(patience)
	for !is() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for %s: not within %v", what, patience)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}
