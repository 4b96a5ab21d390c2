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
		limit := rapid.IntRange(stderrHead, 100<<10).Draw(t, "limit")
		b := stderrBuffer{limit: limit}
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
		if text, cut := b.whole(); cut != (len(all) > limit) || !cut && text != string(all) || cut && text != "" {
			t.Fatalf("%d bytes are whole, %v, of %d", len(text), cut, len(all)) // there are no lines in it
		}
		if len(b.text) > limit || len(b.tail) > stderrTail {
			t.Fatalf("holds %d and %d bytes", len(b.text), len(b.tail))
		}
	})
}

// TestStderrKept: what a process is kept of is bounded, and more for who asks for it in time.
func TestStderrKept(t *testing.T) {
	piece := bytes.Repeat([]byte("1234567\n"), 1<<17)
	for _, kept := range []int{stderrKept, stderrMost} {
		var b stderrBuffer
		b.Write(piece[:stderrKept/2])
		if kept == stderrMost {
			b.keep()
		}
		for range 18 {
			b.Write(piece)
		}
		b.keep() // too late
		b.Write(piece)
		b.Write([]byte("12345"))
		if text, cut := b.whole(); len(text) != kept || !cut {
			t.Errorf("%d bytes are kept, want %d", len(text), kept)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("cannot receive:\nmust specify -F\n"); got != "cannot receive: must specify -F" {
		t.Errorf("got %q", got)
	}
	if got := oneLine(strings.Repeat("ä", 5000)); len(got) > 610 || !strings.Contains(got, "[...]") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
}
