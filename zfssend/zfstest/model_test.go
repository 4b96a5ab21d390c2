package zfstest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// newModel returns a model with the snapshot tank/a@1, which has a file of 4 MB, and its client.
func newModel(t *testing.T) (*zfsmodel.Model, *zfssend.Client) {
	t.Helper()
	zfstest.CheckLeaks(t)
	m := zfstest.Model(t)
	client := &zfssend.Client{Command: m.Command()}
	zfs(t, m, "create", "tank/a")
	if err := m.Write("tank/a", "file", bytes.Repeat([]byte("zfs!"), 1_000_000)); err != nil {
		t.Fatal(err)
	}
	if err := client.Snapshot(t.Context(), "tank/a@1"); err != nil {
		t.Fatal(err)
	}
	return m, client
}

func zfs(t *testing.T, m *zfsmodel.Model, args ...string) string {
	t.Helper()
	out, err := exec.Command(m.Command()[0], append(m.Command()[1:], args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("zfs %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func setFault(t *testing.T, m *zfsmodel.Model, subcommand string, f zfsmodel.Fault) {
	t.Helper()
	if err := m.SetFault(subcommand, f); err != nil {
		t.Fatal(err)
	}
}

func send(t *testing.T, client *zfssend.Client) *zfssend.SendStream {
	t.Helper()
	s, err := client.Send(t.Context(), "tank/a@1", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestFaultSendFails(t *testing.T) {
	m, client := newModel(t)
	const text = "warning: cannot send 'tank/a@1': Input/output error\n"
	setFault(t, m, "send", zfsmodel.Fault{After: 1_234_567, Text: text, Exit: 1})
	n, err := io.Copy(io.Discard, send(t, client))
	e, ok := errors.AsType[*zfssend.Error](err)
	if n != 1_234_567 || !ok || e.Cause != zfssend.PoolIO || e.Stderr != text || e.ExitCode != 1 {
		t.Errorf("%d bytes, %v", n, err)
	}
	setFault(t, m, "send", zfsmodel.Fault{})
	if _, err := io.Copy(io.Discard, send(t, client)); err != nil {
		t.Errorf("without the fault: %v", err)
	}
}

// TestFaultSendBlocks: a send that writes nothing more, and is deaf to SIGTERM, is killed.
func TestFaultSendBlocks(t *testing.T) {
	m, client := newModel(t)
	setFault(t, m, "send", zfsmodel.Fault{After: 100_000, Block: true, IgnoreSIGTERM: true})
	s := send(t, client)
	if n, err := io.CopyN(io.Discard, s, 100_000); err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if err := syscall.Kill(s.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	select {
	case <-s.Done():
		t.Fatal("SIGTERM ended it")
	case <-ctx.Done():
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFaultReceiveFails(t *testing.T) {
	m, client := newModel(t)
	setFault(t, m, "receive", zfsmodel.Fault{After: 500_000, Text: "cannot receive: pool I/O is currently suspended\n"})
	r, err := client.Receive(t.Context(), "tank/b", send(t, client), zfssend.ReceiveOptions{Resumable: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); !errors.Is(err, zfssend.PoolIO) {
		t.Error(err)
	}
	d, err := client.Dataset(t.Context(), "tank/b")
	if err != nil || d.ResumeToken == "" || len(d.Versions) > 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestFaultOfCommand(t *testing.T) {
	m, client := newModel(t)
	setFault(t, m, "list", zfsmodel.Fault{Text: "cannot open 'tank/a': permission denied\n"})
	if _, err := client.Dataset(t.Context(), "tank/a"); !errors.Is(err, zfssend.PermissionDenied) {
		t.Error(err)
	}
}

// TestManyProcesses runs processes that change the model at the same time: none of the changes is lost.
func TestManyProcesses(t *testing.T) {
	m, client := newModel(t)
	const each = 8
	var wg sync.WaitGroup
	do := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range each {
		do(func() error { return client.Snapshot(t.Context(), fmt.Sprintf("tank/a@s%d", i)) })
		do(func() error { return client.Hold(t.Context(), fmt.Sprintf("tag%d", i), "tank/a@1") })
		do(func() error {
			return client.Bookmark(t.Context(), zfssend.Bookmark{Source: "tank/a@1", Name: fmt.Sprintf("#b%d", i)})
		})
		do(func() error { return m.Write("tank/a", fmt.Sprintf("file%d", i), []byte("text")) })
		do(func() error {
			_, err := io.Copy(io.Discard, send(t, client))
			return err
		})
	}
	wg.Wait()
	d, err := client.Dataset(t.Context(), "tank/a")
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 2*each; len(d.Versions) != want {
		t.Errorf("%d versions, want %d: %+v", len(d.Versions), want, d.Versions)
	}
	seen := make(map[uint64]bool)
	for _, v := range d.Versions {
		if !v.IsBookmark() && seen[v.GUID] {
			t.Errorf("GUID %d twice", v.GUID)
		}
		seen[v.GUID] = true
	}
	if holds, err := client.Holds(t.Context(), "tank/a@1"); err != nil || len(holds) != each {
		t.Errorf("%+v, %v", holds, err)
	}
	if err := client.Snapshot(t.Context(), "tank/a@last"); err != nil {
		t.Fatal(err)
	}
	if files, err := m.Contents("tank/a@last"); err != nil || len(files) != 1+each {
		t.Errorf("%d files, %v", len(files), err)
	}
}
