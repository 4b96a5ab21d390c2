package zfssuite

import "strings"

var destroyCases = []testCase{
	{"Destroy", destroy},
	{"DestroyNotFound", destroyNotFound},
	{"DestroyBatchHeld", destroyBatchHeld},
	{"DestroyChildren", destroyChildren},
	{"DestroyInUse", destroyInUse},
	{"DestroyOrigin", destroyOrigin},
	{"DestroyDeferred", destroyDeferred},
}

func destroy(e *env) {
	a := e.source("a", 1000, 1000, 1000)
	e.zfs("bookmark", a+"@1", a+"#b")
	e.zfs("destroy", a+"@1,2")
	e.wantVersions(a, "#b @3")
	e.zfs("destroy", a+"#b")
	e.zfs("destroy", "-r", a)
	e.wantVersions(a, "no dataset")
}

func destroyNotFound(e *env) {
	a := e.source("a", 1000)
	e.refused(1, "could not find any snapshots to destroy", "destroy", a+"@nowhere")
	e.refused(1, "does not exist", "destroy", a+"#nowhere")
	e.refused(1, "dataset does not exist", "destroy", a+"/nowhere")
	e.refused(1, "dataset does not exist", "destroy", a+"/nowhere@1")
	e.zfs("destroy", a+"@nowhere,1") // those that exist are enough
	e.wantVersions(a, "")
}

// destroyBatchHeld: with one that can't be destroyed, none is, and the error names that one.
func destroyBatchHeld(e *env) {
	a := e.source("a", 1000, 1000)
	e.zfs("hold", "tag", a+"@2")
	out := run(e.T, e.p, nil, "destroy", a+"@1,2")
	if out.exit != 1 || !strings.Contains(out.stderr, a+"@2") || strings.Contains(out.stderr, a+"@1") {
		e.Error(out)
	}
	e.wantVersions(a, "@1 @2")
	e.zfs("release", "tag", a+"@2")
}

func destroyChildren(e *env) {
	a := e.source("a", 1000)
	e.refused(1, "filesystem has children", "destroy", a)
	e.zfs("destroy", a+"@1")
	e.create("a/b")
	e.refused(1, "filesystem has children", "destroy", a)
	e.zfs("destroy", "-r", a)
}

func destroyInUse(e *env) {
	a := e.create("a")
	release := e.p.Use(e.T, a)
	e.refused(1, "busy", "destroy", a)
	release()
	e.zfs("destroy", a)
}

func destroyOrigin(e *env) {
	a := e.source("a", 1000)
	e.zfs("clone", a+"@1", e.root+"/clone")
	e.refused(1, "snapshot has dependent clones", "destroy", a+"@1")
	e.zfs("destroy", e.root+"/clone")
	e.zfs("destroy", a+"@1")
}

func destroyDeferred(e *env) {
	a := e.source("a", 1000)
	e.zfs("hold", "tag", a+"@1")
	e.zfs("destroy", "-d", a+"@1")
	if e.get("defer_destroy", a+"@1") != "on" {
		e.Error("it isn't marked")
	}
	e.zfs("release", "tag", a+"@1")
	e.wantVersions(a, "")
}
