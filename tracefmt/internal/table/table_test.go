package table

import (
	"bufio"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	var out strings.Builder
	b := bufio.NewWriter(&out)
	Write(b, [][]string{{"A", "B", "NAME"}, {"1", "200µs", "x y"}, {"", "", ""}}, func(row, column int) string {
		if row == 1 && column == 0 {
			return Red
		}
		return ""
	})
	b.Flush()
	want := "  A      B  NAME\n  \x1b[31m1\x1b[0m  200µs  x y\n\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	Write(b, nil, nil)
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"ok é": "ok é", "a\x1b[31m\n": `a\x1b[31m\n`, "r\u202el": `r\u202el`, "\xff": "\ufffd"} {
		if got := Printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
