package zfssuite

import (
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

var versionCases = []testCase{
	{"SnapshotSeveral", snapshotSeveral},
	{"SnapshotExists", snapshotExists},
	{"SnapshotNotFound", snapshotNotFound},
	{"Bookmark", bookmark},
	{"BookmarkExists", bookmarkExists},
	{"BookmarkNotFound", bookmarkNotFound},
	{"Hold", hold},
	{"HoldTwice", holdTwice},
	{"HoldNotFound", holdNotFound},
}

func snapshotSeveral(e *env) {
	a, b := e.create("a"), e.create("b")
	e.snapshot(a+"@1", b+"@1")
	if x, y := e.get("createtxg", a+"@1"), e.get("createtxg", b+"@1"); x != y {
		e.Errorf("they were made at %s and %s", x, y)
	}
	err := e.client.Snapshot(e.ctx(), a+"@1", b+"@2")
	e.fails(err, zfssend.AlreadyExists)
	e.wantVersions(b, "@1")
}

func snapshotExists(e *env) {
	a := e.source("a", 1000)
	guid := e.get("guid", a+"@1")
	e.fails(e.client.Snapshot(e.ctx(), a+"@1"), zfssend.AlreadyExists)
	if e.get("guid", a+"@1") != guid {
		e.Error("it isn't the same any more")
	}
}

func snapshotNotFound(e *env) {
	if z := e.fails(e.client.Snapshot(e.ctx(), e.root+"/nowhere@1"), zfssend.NotFound); z.ExitCode != 2 {
		e.Errorf("%#v", z)
	}
}

// bookmark: a bookmark has the GUID and the transaction group of its snapshot, also if it was made from another one.
func bookmark(e *env) {
	a := e.source("a", 1000)
	e.zfs("bookmark", a+"@1", a+"#b")
	e.zfs("bookmark", a+"#b", a+"#copy")
	for _, property := range []string{"guid", "createtxg", "creation"} {
		want := e.get(property, a+"@1")
		for _, b := range []string{"#b", "#copy"} {
			if got := e.get(property, a+b); got != want {
				e.Errorf("%s of %s is %s, want %s", property, b, got, want)
			}
		}
	}
	if e.get("userrefs", a+"#b") != "-" || e.get("userrefs", a+"@1") != "0" {
		e.Error("userrefs")
	}
}

func bookmarkExists(e *env) {
	a := e.source("a", 1000, 1000)
	e.zfs("bookmark", a+"@1", a+"#b")
	e.refused(1, "bookmark exists", "bookmark", a+"@1", a+"#b")
	e.refused(1, "bookmark exists", "bookmark", a+"@2", a+"#b")
	if e.get("guid", a+"#b") != e.get("guid", a+"@1") {
		e.Error("it is another one's")
	}
}

func bookmarkNotFound(e *env) {
	a := e.source("a", 1000)
	e.zfs("destroy", a+"@1")
	e.refused(2, "cannot open '"+a+"@1': dataset does not exist", "bookmark", a+"@1", a+"#b")
	e.wantVersions(a, "")
}

func hold(e *env) {
	a := e.source("a", 1000)
	e.zfs("hold", "a tag with blanks", a+"@1")
	e.zfs("hold", "other", a+"@1")
	if e.get("userrefs", a+"@1") != "2" {
		e.Error("userrefs")
	}
	var tags []string
	for line := range strings.Lines(e.zfs("holds", "-H", a+"@1")) {
		tags = append(tags, strings.Split(line, "\t")[1])
	}
	if got := strings.Join(tags, ","); got != "a tag with blanks,other" && got != "other,a tag with blanks" {
		e.Errorf("holds: %s", got)
	}
	e.refused(1, "dataset is busy|it's being held", "destroy", a+"@1")
	e.zfs("release", "other", a+"@1")
	e.zfs("release", "a tag with blanks", a+"@1")
	e.zfs("destroy", a+"@1")
}

func holdTwice(e *env) {
	a := e.source("a", 1000)
	e.zfs("hold", "tag", a+"@1")
	e.refused(1, "tag already exists on this dataset", "hold", "tag", a+"@1")
	e.zfs("release", "tag", a+"@1")
	e.refused(1, "no such tag on this dataset", "release", "tag", a+"@1")
}

func holdNotFound(e *env) {
	a := e.create("a")
	e.refused(1, "dataset does not exist", "hold", "tag", a+"@nowhere")
	e.refused(1, "dataset does not exist", "release", "tag", a+"@nowhere")
	e.refused(1, "dataset does not exist", "holds", "-H", a+"@nowhere")
}
