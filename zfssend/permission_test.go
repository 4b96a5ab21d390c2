package zfssend

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestPermissions(t *testing.T) {
	zfstest.CheckLeaks(t)
	p, err := fake(replay(t, "allow")...).Permissions(t.Context(), "tank/a")
	if err != nil {
		t.Fatal(err)
	}
	child, err := fake(replay(t, "allow-child")...).Permissions(t.Context(), "tank/a/child")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		permissions *Permissions
		user        string
		groups      []string
		want        string
	}{
		{p, "nobody", nil, "atime,bookmark,clone,compression,hold,release,send,snapshot"},
		{p, "nobody", []string{"nogroup"}, "atime,bookmark,clone,compression,create,hold,mount,release,send,snapshot"},
		{p, "somebody", []string{"somegroup"}, "send"},
		{p, "nogroup", nil, "send"}, // a user named like the group
		{child, "nobody", nil, "atime,bookmark,clone,compression,destroy,hold,send,snapshot"},
	}
	for _, tt := range tests {
		if got := strings.Join(tt.permissions.Of(tt.user, tt.groups...), ","); got != tt.want {
			t.Errorf("%s on %s: got %s, want %s", tt.user, tt.permissions.Dataset, got, tt.want)
		}
	}
	if got := p.missing(identity{user: "nobody"}, []string{"send", "destroy", "mount"}); !slices.Equal(got, []string{"destroy", "mount"}) {
		t.Errorf("missing %q", got)
	}
	if p, err := fake(replay(t, "allow-nothing")...).Permissions(t.Context(), "tank/a"); err != nil || p.Of("nobody") != nil {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err := fake(replay(t, "allow-missing")...).Permissions(t.Context(), "tank/nothing"); !errors.Is(err, NotFound) {
		t.Error(err)
	}
}

func TestParseAllow(t *testing.T) {
	const head = "---- Permissions on tank/a- ----\n"
	p, err := parseAllow(head+"Permission sets:\n\t@a @b,send\n\t@b @a,hold\nLocal+Descendent permissions:\n\tuser (unknown: 4242) @a\n\tuser DOM\\joe doe mount\n", "tank/a-/b")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Of("4242"), ","); got != "hold,send" { // sets that contain each other
		t.Errorf("got %s", got)
	}
	if got := strings.Join(p.Of(`DOM\joe doe`), ","); got != "mount" {
		t.Errorf("got %s", got)
	}
	// A set counts from where it is defined downwards.
	p, err = parseAllow("---- Permissions on tank/a ---\nPermission sets:\n\t@s hold\n---- Permissions on tank ---\nPermission sets:\n\t@s send\nLocal+Descendent permissions:\n\teveryone @s\n", "tank/a")
	if got := strings.Join(p.Of("x"), ","); err != nil || got != "send" {
		t.Errorf("got %s, %v", got, err)
	}
	for output, want := range map[string]string{
		"\tuser x hold\n":                                      "line 1 of its output",
		"Local permissions:\n":                                 "line 1",
		"---- Permissions on backup ----\n":                    "line 1",
		head + "\tuser x hold\n":                               "line 2",
		head + "Other permissions:\n":                          "line 2",
		head + "Local permissions:\n\thold\n":                  "line 3",
		head + "Local permissions:\n\tuser hold\n":             "line 3",
		head + "Local permissions:\n\teveryone x hold\n":       "line 3",
		head + "Local permissions:\n\tuser x hold,,send\n":     "line 3",
		head + "Permission sets:\n\ta hold\n":                  "line 3",
		head + "Create time permissions:\n\tuser x hold\n":     "line 3",
		head + "Create time permissions:\n\thold\n" + head[1:]: "line 4",
	} {
		if _, err := parseAllow(output, "tank/a-"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", output, err, want)
		}
	}
}

func TestMissingPermissions(t *testing.T) {
	// As whom a wrapper runs zfs isn't known, but for sudo.
	if _, err := wrappedFake([]string{"env"}).MissingPermissions(t.Context(), "tank", "send"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	sudo := &Client{Command: []string{"/usr/bin/sudo", "-n", "zfs"}}
	if missing, err := sudo.MissingPermissions(t.Context(), "tank", "send"); missing != nil || err != nil {
		t.Errorf("got %v, %v", missing, err)
	}
	sudo.Command = []string{"sudo", "-u", "joe", "zfs"}
	if _, err := sudo.MissingPermissions(t.Context(), "tank", "send"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	who, err := (&Client{}).identity()
	if err != nil || who.root != (os.Geteuid() == 0) || who.user == "" || len(who.groups) == 0 {
		t.Errorf("got %+v, %v", who, err)
	}
}

// TestDeniedStream: what a stream needs is in its error, too.
func TestDeniedStream(t *testing.T) {
	zfstest.CheckLeaks(t)
	s, err := fake(zfstest.Stderr("warning: cannot send 'tank/a@x': permission denied\n"), zfstest.Exit(1)).Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Read(make([]byte, 1))
	if e, ok := errors.AsType[*Error](err); !ok || !slices.Equal(e.Needs, []string{"send"}) || !strings.Contains(err.Error(), "it needs the permissions send") {
		t.Errorf("got %v", err)
	}
	e := &Error{Op: "hold", Object: "tank/a@x", ExitCode: 1, Stderr: "cannot hold: permission denied\n", Cause: PermissionDenied, Needs: []string{"hold", "x"}, Missing: []string{"hold"}}
	if got, want := e.Error(), "hold tank/a@x: zfs exited 1: cannot hold: permission denied; missing permissions: hold"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzAllow(f *testing.F) {
	f.Add(recordedRun(f, "allow").stdout, "tank/a")
	f.Add(recordedRun(f, "allow-child").stdout, "tank/a/child")
	f.Fuzz(func(t *testing.T, out, dataset string) {
		p, err := parseAllow(out, dataset)
		if err != nil {
			return
		}
		for _, g := range p.Grants {
			if g.Dataset != dataset && !strings.HasPrefix(dataset, g.Dataset+"/") || len(g.Permissions) == 0 {
				t.Errorf("got %+v", g)
			}
			for _, name := range p.Of(g.Name, g.Name) {
				if name == "" || name[0] == '@' {
					t.Errorf("permission %q", name)
				}
			}
		}
	})
}
