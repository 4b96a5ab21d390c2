package machine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"testing/fstest"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// A payload can be made of bytes in memory; os.DirFS makes one of a directory. This boots a machine, so it is compiled
// but not run here.
func ExampleImage_Run() {
	ctx := context.Background()
	img, err := machine.Build(ctx, machine.BuildOptions{Progress: machine.NewProgress(os.Stderr)})
	if err != nil {
		log.Fatal(err)
	}
	payload := fstest.MapFS{"run": {Mode: 0o755, Data: []byte(`#!/bin/sh -e
		truncate -s 128M /tmp/vdev
		zpool create tank /tmp/vdev
		zfs snapshot tank@1
		zfs list -Ho name -t snapshot
	`)}}
	result, err := img.Run(ctx, machine.RunOptions{
		Variant: machine.TaskQ,
		Payload: payload,
		Stdout:  os.Stdout, // tank@1
		Stderr:  os.Stderr,
		Timeout: 2 * time.Minute,
	})
	if e, ok := errors.AsType[*machine.TimeoutError](err); ok {
		log.Fatalf("hangs while %s:\n%s", e.State, e.Console)
	}
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(result.ExitCode)
}

func ExampleParseVariant() {
	v, err := machine.ParseVariant("taskq")
	fmt.Println(v, err)
	_, err = machine.ParseVariant("nls")
	fmt.Println(err)
	// Output:
	// taskq <nil>
	// parse variant "nls": want stock or taskq
}
