package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
)

// TestAgent talks to the command as it is started by ssh, for a key that may do little.
func TestAgent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, "zferry")); err != nil {
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		"zfs": `printf 'backup/a\t7\n'`,
		// What authorized_keys says is run, and not what is asked for.
		"ssh": `export SSH_ORIGINAL_COMMAND="zferry agent --stdio"; exec ` + dir + `/zferry agent --root backup --allow read,trace --property quota`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("GORACE", "atexit_sleep_ms=10")
	var stderr strings.Builder
	h, err := remote.SSH(t.Context(), remote.SSHConfig{Destination: "back", Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if !strings.HasPrefix(h.Agent().Program, "zferry ") {
		t.Errorf("it is %+v", h.Agent())
	}
	traced, err := h.Trace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if guids, err := h.GUIDs(t.Context(), "backup/a"); err != nil || guids["backup/a"] != 7 {
		t.Errorf("%v, %v; stderr %s", guids, err, stderr.String())
	}
	var text strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(text.String(), "zfs get"); {
		n, err := traced.Read(buf)
		if text.Write(buf[:n]); err != nil {
			t.Fatalf("%s: %v", text.String(), err)
		}
	}
	if err := traced.Close(); err != nil {
		t.Error(err)
	}
	if _, err := h.GUIDs(t.Context(), "tank"); !errors.Is(err, remote.ErrRefused) || hintFor(err) == "" {
		t.Error(err)
	}
	if _, err := h.Receive(t.Context(), "backup/a", io.NopCloser(strings.NewReader("")), zfssend.ReceiveOptions{}); !errors.Is(err, remote.ErrRefused) {
		t.Error(err)
	}
}
