//go:build !linux

package main

import (
	"context"
	"errors"
	"os/exec"
)

// farHost is never there: the machine in which many datasets are measured is a Linux.
type farHost struct{}

func (m *manyPools) connect(context.Context) error {
	if m.SSH {
		return errors.ErrUnsupported
	}
	return nil
}

func (f *farHost) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, name, args...)
}

func (f *farHost) zfs(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "zfs", args...)
}

func (f *farHost) of(dataset string) string { return dataset }
func (f *farHost) close() error             { return nil }
