package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/forward"
	"github.com/spanstack/spanstack/zfssend"
)

// debugAddr is where zferry listens in the machine. It is TCP, so that zferry looks at the names by which it is called.
const debugAddr = "localhost:6060"

// patience bounds everything that is waited for. On a quiet host, all of it takes five seconds.
const patience = 2 * time.Minute

// preparation makes two pools, and in one of them what is to be sent: many times what a pipe holds.
const preparation = `set -e
truncate -s 256M /tmp/tank /tmp/backup
zpool create -O compression=off -m /tank tank /tmp/tank
zpool create -O compression=off -m /backup backup /tmp/backup
zfs create tank/home
head -c 33554432 /dev/urandom >/tank/home/file
zfs snapshot tank/home@monday
`

// hang has a zfs send hang, says so on stdout, and serves zferry's page to the host until that is gone.
func hang(ctx context.Context) error {
	port, err := os.OpenFile("/dev/host", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "sh", "-c", preparation).CombinedOutput(); err != nil {
		return fmt.Errorf("make the pools: %w\n%s", err, out)
	}
	zferry := exec.CommandContext(ctx, "zferry", "replicate", "--debug-listen", debugAddr, "--log-file", "/tmp/log", "--log-level", "debug",
		"tank/home", "backup/home")
	zferry.Stdout, zferry.Stderr = os.Stderr, os.Stderr
	if err := zferry.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		_ = zferry.Wait() // how it ended is in its state
		ended <- fmt.Errorf("zferry doesn't hang: it has ended with %v", zferry.ProcessState)
	}()
	send, err := stuckSend(ended)
	if err != nil {
		return err
	}
	fmt.Println(send)
	served := make(chan error, 1)
	go func() {
		served <- forward.Guest(port, func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", debugAddr) })
	}()
	select {
	case err = <-ended:
	case err = <-served:
	}
	return err
}

// stuckSend stops zfs receive as soon as there is one, and returns what zfs send does when it does nothing any more.
func stuckSend(ended <-chan error) (send zfssend.ProcessStatus, err error) {
	receive := 0
	err = await("zfs receive", ended, func() bool {
		receive = processOf("receive")
		return receive != 0
	})
	if err == nil {
		err = syscall.Kill(receive, syscall.SIGSTOP)
	}
	if err != nil {
		return send, err
	}
	const want = 20 // looks in a row: each record waits for the taskq, for a moment
	still := 0
	err = await("a zfs send that hangs", ended, func() bool {
		send, _ = zfssend.LookAt(processOf("send"))
		if still++; send.State != "D" || !strings.HasPrefix(send.WaitChannel, "taskq_wait") {
			still = 0
		}
		return still >= want
	})
	return send, err
}

// await waits until something is there, or will never be.
func await(what string, ended <-chan error, is func() bool) error {
	late := time.After(patience)
	for !is() {
		select {
		case err := <-ended:
			return fmt.Errorf("wait for %s: %w", what, err)
		case <-late:
			return fmt.Errorf("there is no %s after %v", what, patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// processOf returns the ID of the process that runs "zfs SUBCOMMAND", 0 if there is none. There is nobody else in the machine.
func processOf(subcommand string) int {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if args, _ := os.ReadFile(name); bytes.HasPrefix(args, []byte("zfs\x00"+subcommand+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			return pid
		}
	}
	return 0
}
