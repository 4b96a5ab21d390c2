package anonymize_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/anonymize"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

// FuzzReader replaces whatever can be read. The result has as many events, and is JSON.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`[{"ph":"X","name":"a/b","ts":1,"dur":5,"args":{"spanstack.id":"aaaaaaaaaaaaa","k":{"x":[1e5,"y",null]},"trace":"/a.b/"}}]`))
	f.Add([]byte(`[{"ph":"C","name":"c","ts":1,"args":{"n":-12.5}},{"ph":"s","ts":1,"id":"0x1"},{"ph":"i","ts":9e12,"name":"\u2028\ud83d\ude00"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		count := func(r tracefmt.Reader) (n int64, out bytes.Buffer) {
			w := chrome.NewWriter(&out)
			n, _ = tracefmt.Copy(w, r) // an error only ends the input
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return n, out
		}
		want, _ := count(chrome.NewReader(bytes.NewReader(data)))
		got, out := count(anonymize.NewReader(chrome.NewReader(bytes.NewReader(data)), anonymize.Options{KeepTime: true}))
		if got != want || !json.Valid(out.Bytes()) {
			t.Fatalf("%d events, want %d: %s", got, want, out.Bytes())
		}
	})
}
