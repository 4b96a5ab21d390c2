package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDebugListener looks at a replication whose zfs hangs, and ends it.
func TestDebugListener(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "zfs"), []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("zferry", "replicate", "--debug-listen", "unix:"+socket, "tank/home", "backup/home")
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func(path string) (int, string) {
		resp, err := client.Get("http://zferry" + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	for path, want := range map[string]string{
		"/debug/trace/active":       "zfs list",
		"/debug/trace/":             "Open: ",
		"/debug/trace/ui/":          "<!doctype html",
		"/debug/trace/ui/api/waits": "zfs list",
		"/debug/log/levels":         "info\n",
		"/debug/pprof/":             "goroutine",
		"/debug/pprof/heap?debug=1": "heap profile",
		"/debug/pprof/cmdline":      "Unknown profile",
	} {
		var status int
		var body string
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && !strings.Contains(body, want); time.Sleep(10 * time.Millisecond) {
			status, body = get(path)
		}
		if !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := get("/debug/trace/profile?seconds=0.1"); status != 200 || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Errorf("the profile: %d %.100q", status, body)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "debug listener is open") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket stays")
	}
}
