package machine

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestLineWatcher(t *testing.T) {
	for name, c := range map[string]struct {
		writes []string
		seen   []string
		hit    string
	}{
		"whole lines":      {[]string{"a\nb\n"}, []string{"a", "b"}, ""},
		"in pieces":        {[]string{"a", "b\nc", "\n"}, []string{"ab", "c"}, ""},
		"no line feed":     {[]string{"cut"}, nil, ""},
		"cut":              {[]string{"a\ncut\nb\n"}, []string{"a", "cut"}, "cut"},
		"cut once":         {[]string{"cut\n", "cut\n"}, []string{"cut"}, "cut"},
		"in the next":      {[]string{"c", "ut\nafter"}, []string{"cut"}, "cut"},
		"empty lines":      {[]string{"\n\n"}, []string{"", ""}, ""},
		"long without end": {[]string{strings.Repeat("x", 2*maxConsoleLine), "\ncut\n"}, []string{strings.Repeat("x", maxConsoleLine), "cut"}, "cut"},
	} {
		var out bytes.Buffer
		var seen []string
		var hit string
		w := &lineWatcher{w: &out, hit: func(line string) { hit += line }, see: func(line string) bool {
			if !strings.Contains(out.String(), line) {
				t.Errorf("%s: %q was seen before it was passed on", name, line)
			}
			seen = append(seen, line)
			return line == "cut"
		}}
		for _, s := range c.writes {
			if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("%s: Write: %d, %v", name, n, err)
			}
		}
		if !slices.Equal(seen, c.seen) || hit != c.hit || out.String() != strings.Join(c.writes, "") {
			t.Errorf("%s: saw %.40q, hit %q, passed on %.40q", name, seen, hit, out.String())
		}
	}
	w := &lineWatcher{w: failingWriter{}, see: func(string) bool { t.Error("saw what was not passed on"); return true }}
	if _, err := w.Write([]byte("x\n")); err == nil {
		t.Error("the writer's error is lost")
	}
}

// The line may be seen when the guest has told of its end already. Which of the two a select takes is chance, so this is
// asked where the run's result is made.
func TestPowerCutWinsOverTheEnd(t *testing.T) {
	s := &session{cut: make(chan string, 1), exited: make(chan error, 1)}
	s.exited <- nil
	v := &verdict{exited: true, result: Result{ExitCode: 0}}
	if _, err := s.done(v); err != nil {
		t.Errorf("without a cut: %v", err)
	}
	s.cut <- "now"
	_, err := s.done(v)
	if e, ok := errors.AsType[*PowerCutError](err); !ok || e.Line != "now" {
		t.Errorf("got %v, want a PowerCutError", err)
	}
}
