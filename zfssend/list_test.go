package zfssend

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

const listing = `tank/a b	filesystem	11	20	1700000000	off	-
tank/a b@two 2	snapshot	3	40	1700000200	-	-
tank/a b@one	snapshot	2	30	1700000100	-	-
tank/a b#one	bookmark	2	30	1700000100	-	-
tank/a b/child	volume	18446744073709551615	50	1700000300	aes-256-gcm	1-abc
tank/a b/child@x	snapshot	5	60	1700000400	-	-
`

func TestList(t *testing.T) {
	zfstest.CheckLeaks(t)
	c := fake(zfstest.Print(listing))
	all, err := c.List(t.Context(), "tank/a b", ListOptions{Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "tank/a b" || all[1].Name != "tank/a b/child" {
		t.Fatalf("got %+v", all)
	}
	var versions []string
	for _, v := range all[0].Versions {
		versions = append(versions, v.Name)
	}
	if want := []string{"@one", "#one", "@two 2"}; !slices.Equal(versions, want) {
		t.Errorf("versions %q, want %q", versions, want)
	}
	v := all[0].Versions[2]
	if v.GUID != 3 || v.CreateTXG != 40 || v.Creation.Unix() != 1700000200 || v.IsBookmark() {
		t.Errorf("got %+v", v)
	}
	child := all[1]
	if child.GUID != 1<<64-1 || child.Type != "volume" || !child.Encrypted() || child.ResumeToken != "1-abc" || len(child.Versions) != 1 {
		t.Errorf("got %+v", child)
	}

	one, err := c.Dataset(t.Context(), "tank/a b")
	if err != nil || one.Name != "tank/a b" || len(one.Versions) != 3 || one.Encrypted() || one.ResumeToken != "" {
		t.Errorf("got %+v, %v", one, err)
	}
}

func TestListErrors(t *testing.T) {
	zfstest.CheckLeaks(t)
	missing := fake(zfstest.Stderr("cannot open 'tank/x': dataset does not exist\n"), zfstest.Exit(1))
	_, err := missing.Dataset(t.Context(), "tank/x")
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, NotFound) || e.ExitCode != 1 || e.Op != "list" || e.Object != "tank/x" {
		t.Errorf("missing dataset: %#v", err)
	}
	for name, output := range map[string]string{
		"nothing":          "",
		"another dataset":  "tank/b\tfilesystem\t1\t1\t1\toff\t-\n",
		"too few columns":  "tank/a\tfilesystem\t1\n",
		"bad guid":         "tank/a\tfilesystem\tx\t1\t1\toff\t-\n",
		"bad creation":     "tank/a\tfilesystem\t1\t1\tlong ago\toff\t-\n",
		"bad name":         "tank/\tfilesystem\t1\t1\t1\toff\t-\n",
		"cut in mid-line":  "tank/a\tfilesystem\t1\t1\t1\toff\t-\ntank/a@b\tsnap",
		"too many columns": "tank/a\tfilesystem\t1\t1\t1\toff\t-\t-\n",
	} {
		if _, err := fake(zfstest.Print(output)).List(t.Context(), "tank/a", ListOptions{}); err == nil || !strings.HasPrefix(err.Error(), "list tank/a: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListArgs(t *testing.T) {
	for want, o := range map[string]ListOptions{
		"-t filesystem,volume,snapshot,bookmark -d 1 tank": {},
		"-t filesystem,volume,snapshot,bookmark -r tank":   {Recursive: true},
		"-t filesystem,volume -d 0 tank":                   {WithoutVersions: true},
		"-t filesystem,volume -r tank":                     {Recursive: true, WithoutVersions: true},
	} {
		got := strings.Replace(strings.Join(o.args("tank"), " "), "-o "+listColumns+" ", "", 1)
		if got != "-Hp "+want {
			t.Errorf("%+v: %s", o, got)
		}
	}
}
