package machine

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

func TestParseReport(t *testing.T) {
	for row, want := range map[string]report{
		"booted 1.08":         {word: "booted", uptime: 1080 * time.Millisecond, text: "1.08"},
		"started 2.19":        {word: "started", uptime: 2190 * time.Millisecond, text: "2.19"},
		"exit 0 3":            {word: "exit", uptime: 3 * time.Second, text: "0 3"},
		"exit 255 12.50":      {word: "exit", status: 255, uptime: 12500 * time.Millisecond, text: "255 12.50"},
		"failed no such luck": {word: "failed", text: "no such luck"},
		"stopped":             {word: "stopped"},
	} {
		got, err := parseReport(row)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", row, got, err, want)
		}
	}
	for _, row := range []string{"", "exit", "exit 0", "exit -1 2", "exit 256 2", "exit x 2", "exit 0 x", "exit 0 -1",
		"exit 0 NaN", "exit 0 1e300", "exit 0 1 2", "booted", "booted soon", "hello"} {
		if r, err := parseReport(row); err == nil {
			t.Errorf("%q was taken as %+v", row, r)
		}
	}
}

// A shell must get back exactly what was quoted for it.
func TestGuestCommand(t *testing.T) {
	odd := "a 'b' \"c\" $HOME `id` \\ \n*\t;&|<>"
	script, err := guestCommand([]string{"printf", "%s|%s|%s", odd, "", "last"}, []string{"FOO=" + odd, "E="})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-s")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := odd + "||last"; string(out) != want {
		t.Errorf("the shell ran it with %q, want %q", out, want)
	}
	exports, _, _ := strings.Cut(script, "\nexec ")
	cmd = exec.Command("sh", "-c", exports+"\nprintf %s \"$FOO\"")
	if out, err = cmd.Output(); err != nil || string(out) != odd {
		t.Errorf("the variable is %q, %v; want %q", out, err, odd)
	}

	for _, env := range []string{"", "=x", "FOO", "1A=x", "A-B=x", "A\nid;B=x", "A=\x00"} {
		if s, err := guestCommand([]string{"true"}, []string{env}); err == nil {
			t.Errorf("environment %q was taken: %q", env, s)
		}
	}
	if _, err := guestCommand([]string{"a\x00b"}, nil); err == nil {
		t.Error("an argument with NUL was taken")
	}
}

func TestMarkReader(t *testing.T) {
	const mark = "aabaab!"
	rapid.Check(t, func(t *rapid.T) {
		// An alphabet that makes beginnings of the mark likely.
		content := rapid.StringMatching(`[ab!]{0,40}`).Filter(func(s string) bool {
			return !strings.Contains(s+mark[:len(mark)-1], mark)
		}).Draw(t, "content")
		after := rapid.StringMatching(`[ab!]{0,9}`).Draw(t, "after")
		var r io.Reader = strings.NewReader(content + mark + after)
		if rapid.Bool().Draw(t, "bytewise") {
			r = iotest.OneByteReader(r)
		}
		got, err := io.ReadAll(iotest.OneByteReader(newMarkReader(r, mark)))
		if err != nil || string(got) != content {
			t.Fatalf("got %q, %v; want %q", got, err, content)
		}
		got, err = io.ReadAll(newMarkReader(strings.NewReader(content+mark[:len(mark)-1]), mark))
		if !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != content+mark[:len(mark)-1] {
			t.Fatalf("without the mark: got %q, %v; want all of it and io.ErrUnexpectedEOF", got, err)
		}
	})
}

// What can't be the mark's beginning is passed on before more is there.
func TestMarkReaderIsLive(t *testing.T) {
	pr, pw := io.Pipe()
	defer pr.Close()
	go io.WriteString(pw, "progress 1%\n@@E")
	r := newMarkReader(pr, "@@END")
	buf := make([]byte, 64)
	n, err := r.Read(buf)
	if err != nil || string(buf[:n]) != "progress 1%\n" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(newMarkReader(iotest.ErrReader(broken), "m")); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's own error", err)
	}
	if _, err := io.Copy(io.Discard, newMarkReader(bytes.NewReader(nil), "m")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("empty: got %v, want io.ErrUnexpectedEOF", err)
	}
}
