package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestNoMemberCrossesAPage cuts a packed file at every page: all that is left of it can be unpacked, and consists of whole
// events.
func TestNoMemberCrossesAPage(t *testing.T) {
	var out, want bytes.Buffer
	w := newMemberWriter(&out, true)
	rnd := rand.New(rand.NewPCG(1, 2))
	first := true
	for range 60 {
		var batch bytes.Buffer
		for range rnd.IntN(200) + 1 {
			batch.WriteString(map[bool]string{true: "[", false: ",\n"}[first])
			first = false
			noise := make([]byte, rnd.IntN(40))
			for i := range noise {
				noise[i] = byte(rnd.Uint32())
			}
			fmt.Fprintf(&batch, `{"name":%q,"noise":"%x"}`, strings.Repeat("x", rnd.IntN(300)), noise)
		}
		want.Write(batch.Bytes())
		if n, err := w.Write(batch.Bytes()); n != batch.Len() || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := inflate(t, out.Bytes()); !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("%d bytes came back of %d", len(got), want.Len())
	}
	for cut := pageSize; cut < out.Len(); cut += pageSize {
		if text := inflate(t, out.Bytes()[:cut]); !json.Valid(append(text, ']')) {
			t.Fatalf("cut off at %d it is not valid JSON: …%q", cut, text[max(0, len(text)-200):])
		}
	}
	if out.Len()*3 > want.Len() {
		t.Errorf("%d bytes are packed as %d", want.Len(), out.Len())
	}
}

// TestMembersOfAnySize has events that are larger than a page when packed, and those that no piece can be made of.
func TestMembersOfAnySize(t *testing.T) {
	for _, split := range []bool{true, false} {
		var out, want bytes.Buffer
		w := newMemberWriter(&out, split)
		rnd := rand.New(rand.NewPCG(3, 4))
		for _, size := range []int{0, 1, 2, 3, 4, 100, 4090, 5000, 100_000, 10, 24 << 10, 24<<10 + 1, 7} {
			for range 5 {
				p := make([]byte, size)
				for i := range p {
					p[i] = byte(rnd.Uint32())
				}
				copy(p, betweenEvents)
				want.Write(p)
				if _, err := w.Write(p); err != nil {
					t.Fatal(err)
				}
				if got := inflate(t, out.Bytes()); !bytes.Equal(got, want.Bytes()) {
					t.Fatalf("%d bytes came back of %d", len(got), want.Len())
				}
			}
		}
	}
}

// TestRestOfAPage leaves every small part of a page: what comes then begins with the next page.
func TestRestOfAPage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, pageSize)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	rests := map[int]bool{}
	for size := pageSize - 100; size <= pageSize; size++ {
		var out bytes.Buffer
		w := newMemberWriter(&out, true)
		w.Write(noise[:size])
		end := out.Len()
		rests[pageSize-w.member.Len()] = true
		w.Write(noise[:200])
		if text := inflate(t, out.Bytes()); len(text) != size+200 {
			t.Errorf("%d bytes came back of %d", len(text), size+200)
		}
		if w.pos != out.Len() {
			t.Errorf("the position is %d of %d", w.pos, out.Len())
		}
		if end <= pageSize && !bytes.Equal(inflate(t, out.Bytes()[:pageSize]), noise[:size]) {
			t.Errorf("%d bytes are not in their page", size)
		}
	}
	for left := range 60 {
		if !rests[left] {
			t.Errorf("no member left %d bytes", left)
		}
	}
}

func inflate(t *testing.T, b []byte) []byte {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return text
}
