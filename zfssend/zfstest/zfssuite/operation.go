package zfssuite

import (
	"errors"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// operationCases are about what the client makes of zfs's commands for datasets.
var operationCases = []testCase{
	{"ClientHold", clientHold},
	{"ClientHoldBatch", clientHoldBatch},
	{"ClientBookmark", clientBookmark},
	{"ClientDestroy", clientDestroy},
	{"ClientDestroyHeld", clientDestroyHeld},
	{"ClientProperties", clientProperties},
	{"ClientEstimate", clientEstimate},
	{"ClientPermissions", clientPermissions},
	{"ClientListOptions", clientListOptions},
	{"ClientCreate", clientCreate},
	{"ClientRollback", clientRollback},
	{"ClientGUIDs", clientGUIDs},
}

// failed checks that a batch failed for just these names, each for that cause.
func (e *env) failed(err error, cause zfssend.Cause, names ...string) {
	e.Helper()
	b, ok := errors.AsType[*zfssend.BatchError](err)
	if !ok || !errors.Is(err, cause) {
		e.Errorf("got %v, want: %v", err, cause)
		return
	}
	var got []string
	for _, f := range b.Failed {
		got = append(got, f.Name)
		if f.Cause != cause {
			e.Errorf("%s failed: %v, want %v", f.Name, f.Cause, cause)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, names) {
		e.Errorf("%v: %v, want it for %v", err, got, names)
	}
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Error(err)
	}
}

// tags returns a snapshot's holds.
func (e *env) tags(snapshot string) string {
	e.Helper()
	holds, err := e.client.Holds(e.ctx(), snapshot)
	e.ok(err)
	var tags []string
	for _, h := range holds {
		if h.Snapshot != snapshot || h.Created.IsZero() {
			e.Errorf("%+v", h)
		}
		tags = append(tags, h.Tag)
	}
	slices.Sort(tags)
	return strings.Join(tags, ",")
}

// clientHold: to hold and release is idempotent.
func clientHold(e *env) {
	a := e.source("a", 1000)
	for range 2 {
		e.ok(e.client.Hold(e.ctx(), "a tag", a+"@1"))
	}
	e.ok(e.client.Hold(e.ctx(), "-r", a+"@1"))
	if tags := e.tags(a + "@1"); tags != "-r,a tag" {
		e.Errorf("holds: %s", tags)
	}
	for range 2 {
		e.ok(e.client.Release(e.ctx(), "a tag", a+"@1"))
	}
	e.ok(e.client.Release(e.ctx(), "-r", a+"@1"))
	if tags := e.tags(a + "@1"); tags != "" {
		e.Errorf("holds: %s", tags)
	}
	e.failed(e.client.Hold(e.ctx(), "a tag", a+"@nowhere"), zfssend.NotFound, a+"@nowhere")
	e.failed(e.client.Release(e.ctx(), "a tag", a+"@nowhere"), zfssend.NotFound, a+"@nowhere")
	_, err := e.client.Holds(e.ctx(), a+"@nowhere")
	e.failed(err, zfssend.NotFound, a+"@nowhere")
}

func clientHoldBatch(e *env) {
	a := e.source("a", 1000, 1000)
	e.ok(e.client.Hold(e.ctx(), "tag", a+"@2"))
	e.failed(e.client.Hold(e.ctx(), "tag", a+"@1", a+"@nowhere", a+"@2"), zfssend.NotFound, a+"@nowhere")
	for _, v := range []string{"@1", "@2"} {
		if tags := e.tags(a + v); tags != "tag" {
			e.Errorf("%s has holds: %s", v, tags)
		}
	}
	e.ok(e.client.Release(e.ctx(), "tag", a+"@1", a+"@2"))
}

// clientBookmark: to bookmark is idempotent, also from a bookmark.
func clientBookmark(e *env) {
	a := e.source("a", 1000, 1000)
	b, copied := zfssend.Bookmark{Source: a + "@1", Name: "#b"}, zfssend.Bookmark{Source: a + "#b", Name: a + "#copy"}
	for range 2 {
		e.ok(e.client.Bookmark(e.ctx(), b))
		e.ok(e.client.Bookmark(e.ctx(), b, copied))
	}
	if e.get("guid", a+"#copy") != e.get("guid", a+"@1") {
		e.Error("it is another one's")
	}
	e.failed(e.client.Bookmark(e.ctx(), zfssend.Bookmark{Source: a + "@2", Name: "#b"}), zfssend.AlreadyExists, a+"#b")
	e.failed(e.client.Bookmark(e.ctx(), zfssend.Bookmark{Source: a + "@nowhere", Name: "#c"}), zfssend.NotFound, a+"#c")
	e.ok(e.client.Destroy(e.ctx(), a+"@1"))
	e.failed(e.client.Bookmark(e.ctx(), zfssend.Bookmark{Source: a + "@1", Name: "#d"}), zfssend.NotFound, a+"#d")
	e.wantVersions(a, "#b #copy @2")
}

// clientDestroy: to destroy is not idempotent.
func clientDestroy(e *env) {
	a := e.source("a", 1000, 1000, 1000)
	e.ok(e.client.Bookmark(e.ctx(), zfssend.Bookmark{Source: a + "@1", Name: "#b"}))
	e.ok(e.client.Destroy(e.ctx(), a+"@1", a+"#b", a+"@2"))
	e.wantVersions(a, "@3")
	e.failed(e.client.Destroy(e.ctx(), a+"@1", a+"#b", a+"@3"), zfssend.NotFound, a+"#b", a+"@1")
	e.wantVersions(a, "")
	e.create("a/b")
	e.ok(e.client.Destroy(e.ctx(), a, a+"/b"))
	e.failed(e.client.Destroy(e.ctx(), a), zfssend.NotFound, a)
	e.failed(e.client.Destroy(e.ctx(), a+"@1"), zfssend.NotFound, a+"@1")
}

// clientDestroyHeld: what is held stays, and the rest goes.
func clientDestroyHeld(e *env) {
	a := e.source("a", 1000, 1000, 1000)
	e.ok(e.client.Hold(e.ctx(), "tag", a+"@2"))
	err := e.client.Destroy(e.ctx(), a+"@1", a+"@2", a+"@3")
	cause := zfssend.Busy
	if errors.Is(err, zfssend.Held) {
		cause = zfssend.Held // as OpenZFS 2.3.3 and later say
	}
	e.failed(err, cause, a+"@2")
	e.wantVersions(a, "@2")
	e.ok(e.client.Release(e.ctx(), "tag", a+"@2"))
	e.ok(e.client.Destroy(e.ctx(), a+"@2"))
}

func clientProperties(e *env) {
	a := e.create("a", "-o", "setuid=off")
	b := e.create("a/b")
	e.ok(e.client.SetProperties(e.ctx(), a, map[string]string{"org.test:x": "two words", "org.test:y": "\ttab"}))
	e.ok(e.client.SetProperties(e.ctx(), b, map[string]string{"org.test:x": "own"}))
	e.ok(e.client.Inherit(e.ctx(), "org.test:x", b))
	got, err := e.client.Properties(e.ctx(), b, "setuid", "org.test:x", "org.test:y", "org.test:none", "canmount", "type")
	e.ok(err)
	for name, want := range map[string]zfssend.Property{
		"setuid":     {Value: "off", Source: zfssend.SourceInherited},
		"org.test:x": {Value: "two words", Source: zfssend.SourceInherited},
		"org.test:y": {Value: "\ttab", Source: zfssend.SourceInherited},
		"canmount":   {Value: "on", Source: zfssend.SourceDefault},
		"type":       {Value: "filesystem", Source: zfssend.SourceNone},
	} {
		if p := got[name]; p.Value != want.Value || p.Source != want.Source {
			e.Errorf("%s is %+v, want %+v", name, p, want)
		}
	}
	if _, ok := got["org.test:none"]; ok || len(got) != 5 {
		e.Errorf("got %+v", got)
	}
	if _, err := e.client.Properties(e.ctx(), a+"/nowhere", "guid"); !errors.Is(err, zfssend.NotFound) {
		e.Error(err)
	}
	if err := e.client.SetProperties(e.ctx(), a, map[string]string{"readonly": "perhaps"}); err == nil {
		e.Error("it was set")
	}
}

func clientEstimate(e *env) {
	a := e.source("a", 1_000_000, 500_000, 1000)
	for _, test := range []struct {
		options  zfssend.SendOptions
		to       string
		min, max int64
		streams  int
	}{
		{zfssend.SendOptions{}, "@1", 1_000_000, 1_300_000, 1},
		{zfssend.SendOptions{From: "@1"}, "@2", 500_000, 700_000, 1},
		{zfssend.SendOptions{From: "@1", Intermediates: true}, "@3", 500_000, 700_000, 2},
	} {
		got, err := e.client.Estimate(e.ctx(), a+test.to, test.options)
		if err != nil || got.Bytes < test.min || got.Bytes > test.max || len(got.Streams) != test.streams {
			e.Errorf("%+v: %+v, %v", test, got, err)
		}
	}
}

func clientPermissions(e *env) {
	a := e.create("a")
	e.zfs("allow", "root", "send,hold", a)
	p, err := e.client.Permissions(e.ctx(), a)
	e.ok(err)
	if len(p.Grants) != 1 || p.Grants[0].Name != "root" || !slices.Equal(p.Grants[0].Permissions, []string{"hold", "send"}) {
		e.Errorf("%+v", p)
	}
}

func clientListOptions(e *env) {
	a := e.source("a", 1000, 1000)
	e.ok(e.client.Hold(e.ctx(), "tag", a+"@1"))
	e.ok(e.client.Bookmark(e.ctx(), zfssend.Bookmark{Source: a + "@1", Name: "#b"}))
	e.ok(e.client.SetProperties(e.ctx(), a, map[string]string{"org.test:x": "y"}))
	list, err := e.client.List(e.ctx(), a, zfssend.ListOptions{Creation: true, Holds: true, Properties: []string{"readonly", "org.test:x"}})
	if err != nil {
		e.Fatal(err)
	}
	d := list[0]
	if d.Properties["readonly"] != "off" || d.Properties["org.test:x"] != "y" {
		e.Errorf("%+v", d)
	}
	for _, v := range d.Versions {
		if held := v.Name == "@1"; (v.Holds == 1) != held || v.Creation.IsZero() {
			e.Errorf("%+v", v)
		}
	}
	e.ok(e.client.Release(e.ctx(), "tag", a+"@1"))
}

// clientCreate: what exists is an error unless those above are made, too; noauto keeps a filesystem from being mounted but by name.
func clientCreate(e *env) {
	name := e.root + "/x/y z"
	o := zfssend.CreateOptions{Set: map[string]string{"canmount": "noauto", "a:b": "c d"}}
	if err := e.client.Create(e.ctx(), name, o); !errors.Is(err, zfssend.NotFound) {
		e.Errorf("no parent: %v", err)
	}
	o.Parents = true
	for range 2 {
		e.ok(e.client.Create(e.ctx(), name, o))
	}
	if got := e.get("canmount", name) + e.get("a:b", name) + e.get("mounted", name) + e.get("canmount", e.root+"/x"); got != "noautoc dnoon" {
		e.Errorf("properties: %s", got)
	}
	e.zfs("mount", name)
	if got := e.get("mounted", name); got != "yes" {
		e.Errorf("mounted=%s", got)
	}
	if err := e.client.Create(e.ctx(), name, zfssend.CreateOptions{}); !errors.Is(err, zfssend.AlreadyExists) {
		e.Errorf("twice: %v", err)
	}
	if err := e.client.Create(e.ctx(), e.root+"/z", zfssend.CreateOptions{Set: map[string]string{"canmount": "perhaps"}}); !errors.Is(err, zfssend.Invalid) {
		e.Errorf("wrong value: %v", err)
	}
}

// clientRollback: it discards changes, and destroys nothing.
func clientRollback(e *env) {
	a := e.source("a", 1000)
	e.p.Write(e.T, a, "later", []byte("later"))
	e.ok(e.client.Rollback(e.ctx(), a+"@1"))
	e.zfs("snapshot", a+"@2")
	e.zfs("snapshot", a+"@3")
	if err := e.client.Rollback(e.ctx(), a+"@2"); !errors.Is(err, zfssend.HasDependents) {
		e.Errorf("there is a newer one: %v", err)
	}
	if err := e.client.Rollback(e.ctx(), a+"@nothing"); !errors.Is(err, zfssend.NotFound) {
		e.Errorf("there is none: %v", err)
	}
	if list := e.zfs("list", "-H", "-o", "name", "-t", "snapshot", "-r", a); strings.Count(list, "@") != 3 {
		e.Errorf("snapshots: %s", list)
	}
}

// clientGUIDs: those of what exists are told, whatever else doesn't.
func clientGUIDs(e *env) {
	a := e.source("a", 1000)
	e.zfs("bookmark", a+"@1", a+"#1")
	guids, err := e.client.GUIDs(e.ctx(), a, a+"@1", a+"#1", a+"@nothing", a+"/nothing")
	if !errors.Is(err, zfssend.NotFound) || len(guids) != 3 || guids[a+"@1"] == 0 || guids[a+"@1"] != guids[a+"#1"] || guids[a] == guids[a+"@1"] {
		e.Errorf("%v, %v", guids, err)
	}
	guids, err = e.client.GUIDs(e.ctx(), a+"@1")
	if err != nil || len(guids) != 1 {
		e.Errorf("%v, %v", guids, err)
	}
}
