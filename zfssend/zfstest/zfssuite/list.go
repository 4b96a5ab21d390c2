package zfssuite

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

var listCases = []testCase{
	{"ListDatasets", listDatasets},
	{"ListVersions", listVersions},
	{"ListNothing", listNothing},
	{"ListNotFound", listNotFound},
	{"ListProperties", listProperties},
	{"GetNotFound", getNotFound},
	{"Written", written},
}

func listDatasets(e *env) {
	e.create("a")
	e.create("a/b c")
	e.create("a/v", "-V", "1M")
	e.encrypted("z")
	list, err := e.client.List(e.ctx(), e.root, zfssend.ListOptions{Recursive: true})
	if err != nil {
		e.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, strings.TrimPrefix(d.Name, e.root)+" "+d.Type+" "+d.Encryption)
		if guid := strconv.FormatUint(d.GUID, 10); guid != e.get("guid", d.Name) || d.CreateTXG == 0 {
			e.Errorf("%+v", d)
		}
	}
	want := " filesystem off, /a filesystem off, /a/b c filesystem off, /a/v volume off, /z filesystem aes-256-gcm"
	if strings.Join(got, ", ") != want {
		e.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	list, err = e.client.List(e.ctx(), e.root+"/a", zfssend.ListOptions{})
	if err != nil || len(list) != 1 {
		e.Errorf("%+v, %v", list, err)
	}
}

// listVersions: by age, snapshots and bookmarks together, those of children apart.
func listVersions(e *env) {
	a := e.source("a", 1000, 1000)
	e.zfs("bookmark", a+"@1", a+"#b")
	e.zfs("bookmark", a+"#b", a+"#copy")
	e.snapshot(a + "@0")
	e.create("a/child")
	e.snapshot(a + "/child@x")
	e.zfs("destroy", a+"@1")
	d, err := e.client.Dataset(e.ctx(), a)
	if err != nil {
		e.Fatal(err)
	}
	e.wantVersions(a, "#b #copy @2 @0")
	if v := d.Versions; v[0].GUID != v[1].GUID || v[0].CreateTXG != v[1].CreateTXG || v[1].CreateTXG >= v[2].CreateTXG || !v[0].IsBookmark() {
		e.Errorf("%+v", v)
	}
	list, err := e.client.List(e.ctx(), e.root, zfssend.ListOptions{Recursive: true})
	if err != nil || len(list) != 3 || len(list[0].Versions) != 0 || len(list[1].Versions) != 4 || len(list[2].Versions) != 1 {
		e.Errorf("%+v, %v", list, err)
	}
	list, err = e.client.List(e.ctx(), a, zfssend.ListOptions{WithoutVersions: true})
	if err != nil || len(list) != 1 || len(list[0].Versions) != 0 {
		e.Errorf("%+v, %v", list, err)
	}
}

// listNothing: no versions are no error.
func listNothing(e *env) {
	a := e.create("a")
	e.wantVersions(a, "")
	if out := e.zfs("list", "-Hp", "-d", "1", "-t", "snapshot,bookmark", "-o", "name", a); out != "" {
		e.Error(out)
	}
}

func listNotFound(e *env) {
	name := e.root + "/nowhere"
	_, err := e.client.Dataset(e.ctx(), name)
	if z := e.fails(err, zfssend.NotFound); z.Object != name || z.ExitCode != 1 {
		e.Errorf("%#v", z)
	}
	if _, err := e.client.List(e.ctx(), name, zfssend.ListOptions{Recursive: true}); !errors.Is(err, zfssend.NotFound) {
		e.Error(err)
	}
}

func listProperties(e *env) {
	a := e.create("a", "-o", "setuid=off")
	b := e.create("a/b", "-o", "org.test:x=with blank")
	e.zfs("set", "org.test:y=1", a)
	for query, want := range map[string]string{"setuid": "off\tinherited from " + a, "org.test:x": "with blank\tlocal",
		"org.test:y": "1\tinherited from " + a, "org.test:z": "-\t-", "canmount": "on\tdefault", "type": "filesystem\t-"} {
		if got := e.zfs("get", "-Hp", "-o", "value,source", query, b); got != want+"\n" {
			e.Errorf("%s is %q, want %q", query, got, want)
		}
	}
	e.zfs("inherit", "org.test:x", b)
	if got := e.get("org.test:x", b); got != "-" {
		e.Errorf("inherited: %s", got)
	}
}

func getNotFound(e *env) {
	a := e.create("a")
	e.refused(1, "cannot open '"+a+"/nowhere': dataset does not exist", "get", "-Hp", "-o", "value", "guid", a+"/nowhere")
	e.refused(1, "cannot open '"+a+"@nowhere': dataset does not exist", "get", "-Hp", "-o", "value", "guid", a+"@nowhere")
	e.refused(1, "cannot open '"+a+"#nowhere': no such pool or dataset", "get", "-Hp", "-o", "value", "guid", a+"#nowhere")
}

// written: it tells whether a snapshot would hold anything new. What was written counts once its transaction group is on disk,
// which the change of a property waits for.
func written(e *env) {
	is := func(dataset string, nothing bool) {
		e.Helper()
		if got := e.get("written", dataset); (got == "0") != nothing {
			e.Errorf("%s bytes written to %s", got, dataset)
		}
	}
	a := e.create("a")
	is(a, false)
	e.snapshot(a + "@1")
	is(a, true)
	e.zfs("set", "org.test:x=1", a)
	is(a, true)
	e.write(a, "file", 10_000)
	e.zfs("set", "org.test:x=2", a)
	is(a, false)
	e.snapshot(a + "@2")
	is(a, true)
	clone := e.root + "/clone"
	e.zfs("clone", "-o", "canmount=off", a+"@2", clone)
	is(clone, false) // it is written when it is made
	e.snapshot(clone + "@1")
	is(clone, true)
	list, err := e.client.List(e.ctx(), a, zfssend.ListOptions{WithoutVersions: true, Properties: []string{"written", "origin"}})
	if err != nil || list[0].Properties["written"] != "0" || list[0].Properties["origin"] != "-" {
		e.Errorf("%+v, %v", list, err)
	}
}
