package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

var update = flag.Bool("update", false, "rewrite the tables of the document")

const document = "../../docs/openzfs-12500.md"

func recorded(t *testing.T) []Report {
	t.Helper()
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	reports, err := readReports(names)
	if err != nil {
		t.Fatal(err)
	}
	return reports
}

// TestDocument: the document's tables are those of the recorded results.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for _, table := range Tables(recorded(t)) {
		begin, end := "<!-- table "+table.Name+" -->\n", "<!-- end of table "+table.Name+" -->\n"
		before, rest, ok := strings.Cut(want, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no place for the table %q", document, table.Name)
		}
		want = before + begin + table.Text + end + after
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the tables of %s are not those of testdata: run go test -update", document)
	}
	if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestClaims: what the document claims is true of all that was recorded.
func TestClaims(t *testing.T) {
	reports := recorded(t)
	seen := map[bool]int{}
	for _, r := range reports {
		seen[r.TaskQ]++
		if err := check(r); err != nil {
			t.Error(err)
		}
		for _, c := range Cases() {
			if len(r.of(c.Name)) != max(1, c.Times) {
				t.Errorf("%s: %d results of case %s", r.name(), len(r.of(c.Name)), c.Name)
			}
		}
	}
	for _, r := range reports {
		rescued := 0
		for _, name := range []string{"socket-close", "socket-kill"} {
			for _, result := range r.of(name) {
				if result.endedBy(rescue) {
					rescued++
				}
			}
		}
		if wraps := !strings.HasPrefix(r.ZFS, "2.1."); (rescued > 0) != (r.TaskQ && wraps) {
			t.Errorf("%s: %d sends to a socket ended only when their inner pipe was read", r.name(), rescued)
		}
	}
	if seen[true] < 2 || seen[false] < 2 {
		t.Errorf("recorded are %d modules with and %d without a taskq", seen[true], seen[false])
	}
}

// TestClaimsNotice: a claim fails if the results are those of the other build of the module.
func TestClaimsNotice(t *testing.T) {
	reports := recorded(t)
	i := slices.IndexFunc(reports, func(r Report) bool { return r.TaskQ })
	if i < 0 {
		t.Fatal("nothing was recorded with a taskq")
	}
	wrong := reports[i]
	wrong.TaskQ = false
	err := check(wrong)
	for _, name := range []string{"kill", "term", "close", "holder"} {
		if err == nil || !strings.Contains(err.Error(), "case "+name+":") {
			t.Errorf("no claim noticed that case %s had another result: %v", name, err)
		}
	}
}

// TestReport: what is written is what was found.
func TestReport(t *testing.T) {
	want := recorded(t)[0]
	name := filepath.Join(t.TempDir(), "r.json")
	if err := writeReport(name, want); err != nil {
		t.Fatal(err)
	}
	got, err := readReports([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got[0])
	if string(a) != string(b) {
		t.Errorf("got %s, want %s", b, a)
	}
}
