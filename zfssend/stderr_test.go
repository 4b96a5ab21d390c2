package zfssend

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStderrBuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b stderrBuffer
		var all []byte
		for i, n := range rapid.SliceOfN(rapid.IntRange(0, 20<<10), 0, 8).Draw(t, "sizes") {
			piece := bytes.Repeat([]byte{byte('a' + i)}, n)
			all = append(all, piece...)
			if k, err := b.Write(piece); k != n || err != nil {
				t.Fatalf("Write of %d bytes: %d, %v", n, k, err)
			}
		}
		want := string(all)
		if over := len(all) - stderrHead - stderrTail; over > 0 {
			want = string(all[:stderrHead]) + fmt.Sprintf("\n[%d bytes left out]\n", over) + string(all[stderrHead+over:])
		}
		if got := b.String(); got != want {
			t.Fatalf("got %d bytes, want %d", len(got), len(want))
		}
		if len(b.head) > stderrHead || len(b.tail) > stderrTail {
			t.Fatalf("holds %d and %d bytes", len(b.head), len(b.tail))
		}
	})
}

func TestOneLine(t *testing.T) {
	if got := oneLine("cannot receive:\nmust specify -F\n"); got != "cannot receive: must specify -F" {
		t.Errorf("got %q", got)
	}
	if got := oneLine(strings.Repeat("ä", 5000)); len(got) > 610 || !strings.Contains(got, "[...]") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
}
