package viewer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden has the answers to all requests on a small trace with something of everything.
func TestGolden(t *testing.T) {
	events := fmttest.Sample()
	later := fmttest.Sample()
	for i := range later { // a second run, in which zfs list took twice as long
		if later[i].Name == "zfs list" {
			later[i].Dur *= 2
		}
	}
	_, c := view(t, write(t, "perfetto", events), write(t, "perfetto", later))
	key := func(name string) string {
		var found struct{ Hits []struct{ Key, Name string } }
		c.get(&found, "search", "q", name, "in", "names")
		for _, h := range found.Hits {
			if h.Name == name {
				return h.Key
			}
		}
		t.Fatalf("there is no %q: %+v", name, found)
		return ""
	}
	for name, target := range map[string]string{
		"trace":             "trace",
		"tracks":            "tracks",
		"tracks-since":      "tracks?since=1",
		"kinds":             "kinds",
		"kinds-from":        "kinds?from=3",
		"slice":             "slice" + query("key", key("step")),
		"slice-list":        "slice" + query("key", key("zfs list")),
		"slice-at":          "slice" + query("track", trackNamed(c, "replicate"), "row", 1, "at", 2500),
		"slice-open":        "slice" + query("key", key("replicate")),
		"slice-async":       "slice" + query("key", key("upload")),
		"logs":              "logs",
		"logs-last":         "logs?before=&limit=2",
		"logs-min":          "logs?min=9",
		"logs-slice":        "logs" + query("slice", key("step")),
		"logs-text":         "logs?q=PLAN",
		"search-name":       "search?q=zfs",
		"search-attr":       "search" + query("q", "dataset=tank"),
		"search-id":         "search?q=dddd&in=ids",
		"search-stack":      "search" + query("q", "/aaaa.cccc/dddd/", "in", "ids"),
		"search-regexp":     "search" + query("q", "^(step|half)$", "regexp", 1),
		"aggregate-name":    "aggregate",
		"aggregate-path":    "aggregate?by=path",
		"aggregate-window":  "aggregate?from=1500&to=2000",
		"flows":             "flows",
		"flows-slice":       "flows" + query("slice", key("step")),
		"critical":          "critical" + query("slice", key("replicate")),
		"root":              "root",
		"losses":            "losses",
		"waits":             "waits",
		"diff":              "diff?a=0&b=1",
		"diff-self":         "diff?a=0&b=0",
		"diff-normalize":    "diff?a=0&b=1&normalize=0",
		"formats":           "formats",
		"trace-second":      "trace?trace=1",
		"download-folded":   "download?format=folded",
		"download-one.json": "download?format=chrome&from=1000&to=2000",
	} {
		t.Run(name, func(t *testing.T) {
			w := c.ask("GET", "/api/"+target, "")
			if w.Code != 200 {
				t.Fatalf("%s: %d %s", target, w.Code, w.Body)
			}
			golden(t, filepath.Join("testdata", "golden", name), pretty(w.Body.Bytes()))
		})
	}
}

var sources = regexp.MustCompile(`"source": "/.*"`) // where the files are

// pretty returns JSON that can be read, and other texts as they are.
func pretty(text []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, text, "", " ") != nil {
		return text
	}
	return sources.ReplaceAll(out.Bytes(), []byte(`"source": "…"`))
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if filepath.Ext(path) == "" && bytes.HasPrefix(got, []byte("{")) || bytes.HasPrefix(got, []byte("[")) {
		path = strings.TrimSuffix(path, ".json") + ".json"
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s", path, got)
	}
}
