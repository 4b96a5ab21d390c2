package capture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNoEventCrossesAPage(t *testing.T) {
	var out bytes.Buffer
	w := &pageWriter{w: &out}
	first := true
	for range 200 {
		var batch bytes.Buffer
		for range rand.IntN(30) + 1 {
			if first {
				batch.WriteString("[")
				first = false
			} else {
				batch.WriteString(",\n")
			}
			fmt.Fprintf(&batch, `{"name":%q}`, strings.Repeat("x", rand.IntN(1000)))
		}
		if n, err := w.Write(batch.Bytes()); n != batch.Len() || err != nil {
			t.Fatal(n, err)
		}
	}
	for cut := pageSize; cut < out.Len(); cut += pageSize {
		if !json.Valid(append(bytes.Clone(out.Bytes()[:cut]), ']')) {
			t.Fatalf("cut off at %d it is not valid JSON: …%q", cut, out.Bytes()[cut-200:cut])
		}
	}
}
