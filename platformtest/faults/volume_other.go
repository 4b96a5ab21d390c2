//go:build !linux

package main

import (
	"context"
	"errors"
	"os"
)

// The harness runs on Linux. On other systems it compiles, and starts virtual machines.

func volumeDevice(context.Context, string) (string, error) { return "", errors.ErrUnsupported }

func mountSnapshot(string, string) error { return errors.ErrUnsupported }

func mountDataset(string, string) error { return errors.ErrUnsupported }

func unmount(string) error { return errors.ErrUnsupported }

func inode(os.FileInfo) uint64 { return 0 }
