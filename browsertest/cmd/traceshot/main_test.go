package main

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

const (
	good    = `[{"ph":"X","pid":1,"tid":1,"name":"replicate","cat":"task","ts":0,"dur":50},`
	warning = good + `{"ph":"E","pid":1,"tid":1,"ts":60},`
)

func traceshot(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args string
		code int
		want string // in stdout or stderr
	}{
		{"--help", exitOK, "Examples:"},
		{"--version", exitOK, "traceshot "},
		{"", exitUsage, "no trace is given"},
		{"--nosuch", exitUsage, "nosuch"},
		{"--size 10 a.json", exitUsage, "not WxH"},
		{"--size 10x20z a.json", exitUsage, "not WxH"},
		{"--size 0x20 a.json", exitUsage, "not WxH"},
		{"--from 5 a.json", exitUsage, "before --from"},
		{"a.json b.png c.png", exitUsage, "unexpected argument"},
		{"/nosuch/trace.json", exitFailed, "/nosuch/trace.json"},
		{"--chromium /nosuch/chromium -", exitFailed, "apt-get install chromium"},
	} {
		code, stdout, stderr := traceshot("", strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(stdout+stderr, test.want) {
			t.Errorf("traceshot %s: exit code %d, %q; want %d, %q", test.args, code, stdout+stderr, test.code, test.want)
		}
		if test.code != exitOK && stdout != "" {
			t.Errorf("traceshot %s fails and prints %q", test.args, stdout)
		}
	}
}

func TestTraceshot(t *testing.T) {
	catapulttest.Start(t, catapult.Options{}).Close() // skips without a browser
	dir := t.TempDir()
	tmp := catapulttest.TempDir(t)
	picture := filepath.Join(dir, "out.png")

	code, stdout, stderr := traceshot(good, "--size", "800x400", "--select", "replicate", "-", picture)
	if code != exitOK || !strings.Contains(stdout, "slices        1 (0 open)") || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	f, err := os.Open(picture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if config, err := png.DecodeConfig(f); err != nil || config.Width != 800 || config.Height != 400 {
		t.Errorf("picture has %d x %d pixels, error %v", config.Width, config.Height, err)
	}

	code, stdout, stderr = traceshot(warning, "-", "-")
	if _, err := png.DecodeConfig(strings.NewReader(stdout)); err != nil {
		t.Errorf("standard output is no picture: %v", err)
	}
	if code != exitWarnings || !strings.Contains(stderr, "warning: duration_parse_error") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}

	for _, args := range [][]string{{"--select", "nosuch", "-"}, {"-"}} {
		text := good
		if len(args) == 1 {
			text = good[:20]
		}
		missing := filepath.Join(dir, "missing.png")
		if code, _, stderr := traceshot(text, append(args, missing)...); code != exitFailed || stderr == "" {
			t.Errorf("%v: exit code %d, stderr %q", args, code, stderr)
		}
		if _, err := os.Stat(missing); err == nil {
			t.Errorf("%v: fails and leaves a picture", args)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("files left: %v, %v", entries, err)
	}
	catapulttest.NoLeftovers(t, tmp)
}
