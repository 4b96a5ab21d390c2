package zfssend

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

const (
	listDatasets = "list -Hp -t filesystem,volume"
	listVersions = "list -Hp -t snapshot,bookmark"
)

// lister returns a client whose zfs lists this.
func lister(datasets, versions string) *Client {
	return scripted(zfstest.Scripts{listDatasets: {zfstest.Print(datasets)}, listVersions: {zfstest.Print(versions)}})
}

func TestList(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, testList)
}

func testList(t *testing.T, zfs version) {
	c := scripted(zfstest.Scripts{listDatasets: zfs.replay(t, "list-datasets"), listVersions: zfs.replay(t, "list-versions")})
	list, err := c.List(t.Context(), "tank", ListOptions{Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		line := d.Name + " " + d.Type
		for _, v := range d.Versions {
			line += " " + v.Name
			if v.GUID == 0 || v.CreateTXG <= d.CreateTXG || !v.Creation.IsZero() || v.IsBookmark() != (v.Name[0] == '#') {
				t.Errorf("%s has %+v", d.Name, v)
			}
		}
		got = append(got, line)
		if d.GUID == 0 || d.CreateTXG == 0 || d.Encrypted() || d.ResumeToken != "" || d.Properties != nil {
			t.Errorf("got %+v", d)
		}
	}
	want := []string{"tank filesystem", "tank/a filesystem @one #one @two @three 3", "tank/a b filesystem @x", "tank/a/child filesystem @x", "tank/vol volume"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if a := list[1].Versions; a[0].GUID != a[1].GUID {
		t.Errorf("@one and #one differ: %+v", a)
	}
}

func TestListColumns(t *testing.T) { eachRecorded(t, testListColumns) }

func testListColumns(t *testing.T, zfs version) {
	c := scripted(zfstest.Scripts{listDatasets: {zfstest.Print("tank/a\tvolume\t18446744073709551615\t50\taes-256-gcm\t1-abc\n")}, listVersions: zfs.replay(t, "list-versions-all")})
	list, err := c.List(t.Context(), "tank/a", ListOptions{Creation: true, Holds: true})
	if err != nil {
		t.Fatal(err)
	}
	d := list[0]
	if d.GUID != 1<<64-1 || d.Type != "volume" || !d.Encrypted() || d.ResumeToken != "1-abc" || len(d.Versions) != 4 {
		t.Errorf("got %+v", d)
	}
	for _, v := range d.Versions {
		if v.Creation.Year() < 2020 || (v.Holds == 1) != (v.Name == "@two") {
			t.Errorf("got %+v", v)
		}
	}
}

// TestListProperties: values with tabs and line breaks come back as they are.
func TestListProperties(t *testing.T) {
	eachRecorded(t, testListProperties)
	for _, p := range []string{"", "-o", "a,b", "all", "A", "x:y z", "userused@joe,name"} {
		if _, err := fake().List(t.Context(), "tank", ListOptions{Properties: []string{p}}); !isNameError(err) {
			t.Errorf("property %q: %v", p, err)
		}
	}
}

func testListProperties(t *testing.T, zfs version) {
	c := scripted(zfstest.Scripts{listDatasets: zfs.replay(t, "list-properties")})
	o := ListOptions{Recursive: true, WithoutVersions: true, Properties: []string{"com.example:odd", "used", "volsize"}}
	list, err := c.List(t.Context(), "tank", o)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 5 {
		t.Fatalf("got %+v", list)
	}
	a, volume := list[1].Properties, list[4].Properties
	used, err := strconv.Atoi(a["used"])
	if a["com.example:odd"] != "tab\tand\nline" || a["volsize"] != "-" || used < 3_000_000 || err != nil || volume["volsize"] != "1048576" {
		t.Errorf("got %+v", list)
	}
}

// TestListRace: what appears or vanishes between the two processes.
func TestListRace(t *testing.T) {
	zfstest.CheckLeaks(t)
	datasets := "tank\tfilesystem\t1\t1\toff\t-\ntank/gone\tfilesystem\t2\t2\toff\t-\n"
	versions := "tank@a\t3\t30\ntank/new@a\t4\t40\ntank@b\t5\t50\n"
	list, err := lister(datasets, versions).List(t.Context(), "tank", ListOptions{Recursive: true})
	if err != nil || len(list) != 2 || len(list[0].Versions) != 2 || list[1].Versions != nil {
		t.Errorf("got %+v, %v", list, err)
	}
	// Not recursive, there are the versions of children in a listing of depth 1 with some versions of zfs.
	list, err = lister(datasets[:strings.Index(datasets, "\n")+1], versions).List(t.Context(), "tank", ListOptions{})
	if err != nil || len(list) != 1 || len(list[0].Versions) != 2 {
		t.Errorf("got %+v, %v", list, err)
	}
	// The dataset vanishes after one of the processes has listed it.
	missing := replay(t, "list-missing")
	c := scripted(zfstest.Scripts{listDatasets: {zfstest.Print(datasets)}, listVersions: missing})
	if _, err = c.List(t.Context(), "tank", ListOptions{}); !errors.Is(err, NotFound) || errors.Is(err, Canceled) {
		t.Errorf("versions: %v", err)
	}
	// The first failure ends the other process.
	for _, blocked := range []string{listDatasets, listVersions} {
		scripts := zfstest.Scripts{listDatasets: missing, listVersions: missing}
		scripts[blocked] = []zfstest.Action{zfstest.Block()}
		if _, err = scripted(scripts).List(t.Context(), "tank", ListOptions{}); !errors.Is(err, NotFound) || errors.Is(err, Canceled) {
			t.Errorf("%s is blocked: %v", blocked, err)
		}
	}
}

func TestListErrors(t *testing.T) {
	zfstest.CheckLeaks(t)
	_, err := scripted(zfstest.Scripts{"list": replay(t, "list-missing")}).Dataset(t.Context(), "tank/x")
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, NotFound) || e.ExitCode != 1 || e.Op != "list" || e.Object != "tank/x" {
		t.Errorf("missing dataset: %#v", err)
	}
	const good = "tank/a\tfilesystem\t1\t1\toff\t-\n"
	tests := []struct{ name, datasets, versions, want string }{
		{"nothing", "", "", "the dataset itself is missing"},
		{"another dataset", "tank/b\tfilesystem\t1\t1\toff\t-\n", "", "line 1: tank/b was not asked for"},
		{"twice", good + good, "", "line 2: tank/a for a second time"},
		{"too few columns", "tank/a\tfilesystem\t1\n", "", "line 1: not a row"},
		{"too many columns", "tank/a\tfilesystem\t1\t1\toff\t-\t-\n", "", "line 1: not a row"},
		{"bad guid", "tank/a\tfilesystem\tx\t1\toff\t-\n", "", "line 1: guid"},
		{"bad createtxg", "tank/a\tfilesystem\t1\t-1\toff\t-\n", "", "line 1: createtxg"},
		{"bad name", "tank/\tfilesystem\t1\t1\toff\t-\n", "", "line 1: invalid name"},
		{"cut in mid-line", good[:10], "", "line 1: not a row"},
		{"version: cut in mid-line", good, "tank/a@b\t1\t1\ntank/a@c\t1\t1", "line 2 is incomplete"},
		{"version: bad guid", good, "tank/a@b\t1\t1\ntank/a@c\t18446744073709551616\t1\n", "line 2: guid"},
		{"version: empty createtxg", good, "tank/a@b\t1\t\n", "line 1: createtxg"},
		{"version: bad name", good, "tank/a@b*\t1\t1\n", "line 1: invalid name"},
		{"version: no name", good, "@b\t1\t1\n", "line 1: invalid name"},
		{"version: a dataset", good, "tank/a\t1\t1\n", "line 1: \"tank/a\" is not"},
		{"version: too many columns", good, "tank/a@b\t1\t1\t1\n", "line 1: 4 columns, want 3"},
	}
	for _, tt := range tests {
		_, err := lister(tt.datasets, tt.versions).List(t.Context(), "tank/a", ListOptions{})
		if err == nil || !strings.HasPrefix(err.Error(), "list tank/a: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestListArgs(t *testing.T) {
	for want, o := range map[string]ListOptions{
		"-d 0 tank|guid,createtxg -d 1 tank":                   {},
		"-r tank|guid,createtxg -r tank":                       {Recursive: true},
		"-d 0 tank|guid,createtxg,creation,userrefs -d 1 tank": {Creation: true, Holds: true},
	} {
		d, v := strings.Join(o.datasetArgs("tank"), " "), strings.Join(o.versionArgs("tank"), " ")
		got := strings.TrimPrefix(d, "-Hp -t filesystem,volume -o "+datasetColumns+" ") + "|" + strings.TrimPrefix(v, "-Hp -t snapshot,bookmark -o name,")
		if got != want {
			t.Errorf("%+v: %s", o, got)
		}
	}
}

// manyVersions returns the outputs for so many datasets, each with so many snapshots.
func manyVersions(datasets, each int) (string, []byte) {
	var d strings.Builder
	var v bytes.Buffer
	d.WriteString("tank\tfilesystem\t1\t1\toff\t-\n")
	for i := range datasets {
		fmt.Fprintf(&d, "tank/dataset%d\tfilesystem\t%d\t%d\toff\t-\n", i, i+2, i+2)
	}
	for i := range datasets {
		for j := range each {
			fmt.Fprintf(&v, "tank/dataset%d@auto-2026-11-23_%04d\t%d\t%d\n", i, j, 1<<63+uint64(i*each+j), 1000+i*each+j)
		}
	}
	return d.String(), v.Bytes()
}

func TestListAllocations(t *testing.T) {
	const datasets, each = 100, 100
	d, v := manyVersions(datasets, each)
	allocations := testing.AllocsPerRun(3, func() {
		l := listing{options: ListOptions{Recursive: true}, root: "tank"}
		if err := errors.Join(l.addDatasets(d), l.addVersions(v)); err != nil || len(l.datasets[7].Versions) != each {
			t.Fatal(err)
		}
	})
	if rows := float64(datasets * each); allocations > rows {
		t.Errorf("%.0f allocations for %.0f rows", allocations, rows)
	}
}

func BenchmarkListing(b *testing.B) {
	for _, each := range []int{1, 100} {
		d, v := manyVersions(100_000/each, each)
		b.Run(fmt.Sprintf("versions=100000/datasets=%d", 100_000/each), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(d) + len(v)))
			for b.Loop() {
				l := listing{options: ListOptions{Recursive: true}, root: "tank"}
				if err := errors.Join(l.addDatasets(d), l.addVersions(v)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzListing: whatever zfs writes, it is either refused or names what was asked for.
func FuzzListing(f *testing.F) {
	f.Add("tank\tfilesystem\t1\t1\toff\t-\n", "tank@a\t1\t2\n", false)
	f.Add(recordedRun(f, "list-datasets").stdout, recordedRun(f, "list-versions").stdout, false)
	f.Add(recordedRun(f, "list-properties").stdout, recordedRun(f, "list-versions").stdout, true)
	f.Fuzz(func(t *testing.T, datasets, versions string, properties bool) {
		l := listing{options: ListOptions{Recursive: true}, root: "tank"}
		if properties {
			l.options.Properties = []string{"com.example:odd", "used", "volsize"}
		}
		if l.addDatasets(datasets) != nil || l.addVersions([]byte(versions)) != nil {
			return
		}
		count := 0
		for _, d := range l.datasets {
			if _, err := parse(d.Name, 0); err != nil || !l.wanted(d.Name) {
				t.Errorf("dataset %q: %v", d.Name, err)
			}
			for _, v := range d.Versions {
				if _, err := ParseName("tank" + v.Name); err != nil && len(v.Name) < 200 {
					t.Error(err)
				}
				count++
			}
		}
		if count > strings.Count(versions, "\n") {
			t.Errorf("%d versions of %q", count, versions)
		}
	})
}
