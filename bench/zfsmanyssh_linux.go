package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spanstack/spanstack/platformtest/twohosts"
)

// farHost is where the destination is, if it isn't here: another network namespace, reached by ssh. Nil is here.
type farHost struct {
	hosts   *twohosts.Hosts
	master  *exec.Cmd // holds the connection that the pairs share
	control string    // socket of it
}

// connectTimeout bounds how long the first connection may take.
const connectTimeout = 30 * time.Second

// connect makes the far host, if the job wants one.
func (m *manyPools) connect(ctx context.Context) (err error) {
	if !m.SSH {
		return nil
	}
	dir := filepath.Join(m.dir, "hosts")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	far := &farHost{control: filepath.Join(dir, "control")}
	if far.hosts, err = twohosts.Start(ctx, dir); err != nil {
		return err
	}
	m.far = far
	far.master = far.command(ctx, "ssh", "-N", "-M", "-S", far.control, far.hosts.B.Name)
	if err := far.master.Start(); err != nil {
		far.master = nil
		return err
	}
	for begin := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := far.hosts.A.Run(ctx, "ssh", "-S", far.control, "-O", "check", far.hosts.B.Name)
		if err == nil || ctx.Err() != nil || time.Since(begin) > connectTimeout {
			return err
		}
	}
}

// command prepares a program that runs where the source is.
func (f *farHost) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if f == nil {
		return exec.CommandContext(ctx, name, args...)
	}
	return f.hosts.A.Command(ctx, name, args...)
}

// zfs prepares a zfs that runs where the destination is. Its arguments must need no quotes.
func (f *farHost) zfs(ctx context.Context, args ...string) *exec.Cmd {
	if f == nil {
		return exec.CommandContext(ctx, "zfs", args...)
	}
	return f.hosts.A.Command(ctx, "ssh", append([]string{"-S", f.control, f.hosts.B.Name, "zfs"}, args...)...)
}

// of returns what zferry and syncoid call a dataset of the far host.
func (f *farHost) of(dataset string) string {
	if f == nil {
		return dataset
	}
	return fmt.Sprintf("root@%s:%s", f.hosts.B.Name, dataset)
}

func (f *farHost) close() (err error) {
	if f == nil {
		return nil
	}
	if f.master != nil {
		err = f.master.Process.Kill()
		_ = f.master.Wait() // killed
	}
	return errors.Join(err, f.hosts.Close())
}
