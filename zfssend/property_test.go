package zfssend

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestProperties(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, testProperties)
	for output, want := range map[string]string{
		"":                                        "its output lacks atime",
		"atime\ton\ttank\t-\tdefault\n":           "its output lacks exec",
		"exec\ton\ttank\t-\tdefault\n":            `line 1 of its output: "exec" is not the property`,
		"atime\ton\n":                             `line 1 of its output: the value of "atime" has no end`,
		"atime\ton\ttank\t-\tsomewhere\n":         `line 1 of its output: the row of "atime" has no end`,
		"atime\ton\ttank\t-\tinherited from /\n":  `line 1 of its output: the row of "atime" has no end`,
		"atime\ton\ttank\t-\tdefault\nexec\ton\t": `line 2 of its output: the value of "exec" has no end`,
		"atime\ton\ttank\t-\tdefault\nexec\ton\ttank\t-\tdefault\nsync\tx\ttank\t-\tlocal\n": `line 3 of its output: "sync" is not the property`,
	} {
		_, err := parseProperties(output, "tank", []string{"atime", "exec"})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", output, err, want)
		}
	}
	// A user property that looks like the rows of others.
	native := "readonly\ton\ttank\t-\tlocal\n"
	for name, forged := range map[string]string{
		"twice":     native + "x:y\ta\ttank\t-\tlocal\n" + native,
		"not twice": "atime\ton\ttank\t-\tlocal\nx:y\ta\ttank\t-\tlocal\n" + native,
	} {
		if values, err := parseProperties(forged, "tank", nil); err == nil {
			t.Errorf("%s: %+v", name, values)
		}
	}
}

func testProperties(t *testing.T, zfs version) {
	ctx := t.Context()
	some, err := fake(zfs.replay(t, "get-some")...).Properties(ctx, "backup/a", "compression", "com.example:odd", "nosuch:prop", "mountpoint", "origin", "atime")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Property{
		"compression":     {Value: "lz4", Received: "gzip", Source: SourceLocal},
		"com.example:odd": {Value: "tab\tand\nline", Received: "tab\tand\nline", Source: SourceReceived},
		"mountpoint":      {Value: "/backup/a", Source: SourceInherited, From: "backup"},
		"atime":           {Value: "on", Source: SourceDefault},
	}
	for name, p := range want {
		if some[name] != p {
			t.Errorf("%s is %+v, want %+v", name, some[name], p)
		}
	}
	if len(some) != len(want) {
		t.Errorf("got %+v", some)
	}
	all, err := fake(zfs.replay(t, "get-all")...).Properties(ctx, "tank/a")
	if err != nil || len(all) < 50 || all["type"].Value != "filesystem" || all["com.example:odd"].Value != "tab\tand\nline" {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestSetProperties(t *testing.T) {
	zfstest.CheckLeaks(t)
	ctx := t.Context()
	c := scripted(zfstest.Scripts{"set atime=off com.example:a=b c=d tank/a": nil})
	if err := c.SetProperties(ctx, "tank/a", map[string]string{"com.example:a": "b c=d", "atime": "off"}); err != nil {
		t.Error(err)
	}
	eachRecorded(t, func(t *testing.T, zfs version) {
		err := fake(zfs.replay(t, "set-bad")...).SetProperties(ctx, "tank/a", map[string]string{"compression": "bogus"})
		if !errors.Is(err, Invalid) || !strings.Contains(err.Error(), "must be one of") {
			t.Error(err)
		}
		err = fake(zfs.replay(t, "denied-set")...).SetProperties(ctx, "tank/a", map[string]string{"atime": "on", "a:b": "", "c:d": ""})
		if e, _ := errors.AsType[*Error](err); !errors.Is(err, PermissionDenied) || !slices.Equal(e.Needs, []string{"userprop", "atime"}) {
			t.Errorf("got %v", err)
		}
	})
}

func TestInherit(t *testing.T) {
	zfstest.CheckLeaks(t)
	ctx := t.Context()
	eachRecorded(t, func(t *testing.T, zfs version) {
		err := fake(zfs.replay(t, "inherit-missing")...).Inherit(ctx, "compression", "tank/a", "tank/nothing")
		wantBatch(t, err, "tank/nothing: not found")
		err = fake(zfs.replay(t, "inherit-bad")...).Inherit(ctx, "nosuch", "tank/a")
		wantBatch(t, err, "tank/a: invalid argument")
		if !strings.Contains(err.Error(), "invalid property 'nosuch'") {
			t.Error(err)
		}
		err = fake(zfs.replay(t, "denied-inherit")...).Inherit(ctx, "atime", "tank/a")
		if b := wantBatch(t, err, "tank/a: permission denied"); !slices.Equal(b.Processes[0].Needs, []string{"atime"}) {
			t.Errorf("got %+v", b.Processes[0])
		}
	})
	c := scripted(zfstest.Scripts{"inherit -S atime tank/a tank/b": nil})
	wantBatch(t, c.InheritReceived(ctx, "atime", "tank/a", "tank/b"))
}

func FuzzProperties(f *testing.F) {
	f.Add(recordedRun(f, "get-all").stdout, "tank/a")
	f.Add(recordedRun(f, "get-some").stdout, "backup/a")
	f.Fuzz(func(t *testing.T, out, object string) {
		values, err := parseProperties(out, object, nil)
		if err != nil {
			return
		}
		size := 0
		for name, p := range values {
			size += len(name) + len(p.Value) + len(p.Received)
		}
		if size > len(out) {
			t.Errorf("%q: %+v", out, values)
		}
	})
}
