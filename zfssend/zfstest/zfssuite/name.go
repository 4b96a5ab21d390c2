package zfssuite

import (
	"errors"
	"io"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

var nameCases = []testCase{
	{"NameCharacters", nameCharacters},
	{"NameLength", nameLength},
	{"NameDash", nameDash},
	{"NameBad", nameBad},
}

// legal are the characters that names can have.
const legal = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.: "

// nameCharacters uses names with every legal character, each also at the beginning, for all that has a name.
func nameCharacters(e *env) {
	for _, first := range []string{"a", "-", "_", ".", ":", " ", "0"} {
		a := e.create(first + legal)
		v := "@" + first + legal
		e.write(a, "one", 1000)
		e.snapshot(a + v)
		e.zfs("bookmark", a+v, a+"#"+first+legal)
		b := e.root + "/b" + first + legal
		e.copy(a+v, b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
		e.same(a+v, b+v)
		e.wantVersions(a, v+" #"+first+legal)
		if first == "." {
			e.refused(2, "tag may not start with '.'", "hold", first+legal, b+v)
			continue
		}
		if first == "-" { // it would be taken for an option
			continue
		}
		e.zfs("hold", first+legal, b+v)
		if holds := e.zfs("holds", "-H", b+v); !strings.HasPrefix(holds, b+v+"\t"+first+legal+"\t") {
			e.Errorf("holds: %q", holds)
		}
		e.zfs("release", first+legal, b+v)
	}
}

// nameLength uses a name as long as names can be, and refuses a longer one as zfs does.
func nameLength(e *env) {
	const limit = 255
	name := e.root + "/" + strings.Repeat("x", limit-len(e.root)-len("/@1"))
	e.zfs("create", name)
	e.write(name, "one", 1000)
	e.snapshot(name + "@1")
	e.stream(name+"@1", zfssend.SendOptions{})
	e.refused(1, "name is too long", "snapshot", name+"@12")
	if err := e.client.Snapshot(e.ctx(), name+"@12"); !isNameError(err) {
		e.Errorf("Snapshot: %v", err)
	}
}

func isNameError(err error) bool {
	_, ok := errors.AsType[*zfssend.NameError](err)
	return ok
}

// nameDash: what could be taken for an option never reaches zfs.
func nameDash(e *env) {
	for _, name := range []string{"-r", "-F", "--help", "-", "-x/y"} {
		if _, err := e.client.Send(e.ctx(), name+"@1", zfssend.SendOptions{}); !isNameError(err) {
			e.Errorf("Send %s: %v", name, err)
		}
		if _, err := e.client.Receive(e.ctx(), name, io.NopCloser(strings.NewReader("")), zfssend.ReceiveOptions{}); !isNameError(err) {
			e.Errorf("Receive %s: %v", name, err)
		}
		if _, err := e.client.Dataset(e.ctx(), name); !isNameError(err) {
			e.Errorf("Dataset %s: %v", name, err)
		}
		if err := e.client.Snapshot(e.ctx(), name+"@1"); !isNameError(err) {
			e.Errorf("Snapshot %s: %v", name, err)
		}
	}
}

// nameBad: the client refuses what zfs refuses.
func nameBad(e *env) {
	for _, name := range []string{e.root + "/", e.root + "//a", e.root + "/.", e.root + "/..", e.root + "/ä", e.root + "/a%b", e.root + "/a@b@c",
		e.root + "/a\tb", e.root + "/a,b"} {
		if _, err := zfssend.ParseName(name); err == nil {
			e.Errorf("ParseName accepts %q", name)
		}
		if out := run(e.T, e.p, nil, "create", name); out.exit != 1 {
			e.Errorf("zfs create %q: %v", name, out)
		}
	}
}
