package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestViewerPage: the page of results that are in testdata, as the benchmark prints them, is as it was when somebody looked at it.
func TestViewerPage(t *testing.T) {
	for _, name := range []string{"viewer-all-met", "viewer-none-met", "viewer-partly"} {
		out := filepath.Join(t.TempDir(), "page.md")
		code, stdout, stderr := call("viewer", "--from", filepath.Join("testdata", name+".txt"), "--out", out)
		if code != exitOK || stderr != "" {
			t.Fatalf("%s: exit code %d: %s", name, code, stderr)
		}
		if got, err := os.ReadFile(out); err != nil || string(got) != stdout {
			t.Errorf("%s: the file isn't what was printed: %v", name, err)
		}
		path := filepath.Join("testdata", name+".md")
		if *update {
			if err := os.WriteFile(path, []byte(stdout), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(path); err != nil || string(want) != stdout {
			t.Errorf("%s differs (-update rewrites it): %v; got\n%s", path, err, stdout)
		}
	}
}

func TestViewerWrongUsage(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.txt")
	broken := filepath.Join(t.TempDir(), "broken.txt")
	for path, text := range map[string]string{empty: "PASS\n", broken: "BenchmarkViewer/File-2 \t 1\t x first-ms\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--frobnicate"}, exitUsage, "frobnicate"},
		{[]string{"some"}, exitUsage, `unexpected argument "some"`},
		{[]string{"--seconds", "0"}, exitUsage, "have to be positive"},
		{[]string{"--from", empty, "--raw", "x"}, exitUsage, "nothing would be measured"},
		{[]string{"--from", empty, "--out", "-"}, exitFailed, "BenchmarkViewer has printed none"},
		{[]string{"--from", broken, "--out", "-"}, exitFailed, `invalid syntax in "BenchmarkViewer/File-2`},
		{[]string{"--from", "/nowhere/x", "--out", "-"}, exitFailed, "no such file"},
		{[]string{"--from", empty, "--out", "/nowhere/x"}, exitFailed, "write /nowhere/x: stat /nowhere"},
	} {
		code, stdout, stderr := call(append([]string{"viewer"}, c.args...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d; stdout %q; stderr %q, want %q in it", c.args, code, c.code, stdout, stderr, c.want)
		}
	}
}

func TestViewerInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"viewer", "--out", "-"}, &stdout, &stderr); code != exitInterrupted || stdout.Len() > 0 || stderr.String() != "bench viewer: interrupted\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

func TestViewerHelp(t *testing.T) {
	code, stdout, stderr := call("viewer", "--help")
	if code != exitOK || stderr != "" || !strings.Contains(stdout, "Examples:") || !strings.Contains(stdout, "--seconds") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
