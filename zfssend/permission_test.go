package zfssend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestPermissions(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, func(t *testing.T, zfs version) {
		ask := func(recording, name string) *Permissions {
			p, err := fake(zfs.replay(t, recording)...).Permissions(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		p, child := ask("allow", "tank/a"), ask("allow-child", "tank/a/child")
		snapshot, childSnapshot := ask("allow", "tank/a@x"), ask("allow-child", "tank/a/child@x")
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
			// With a snapshot it is as with a child: what is local isn't good for it, and what is for descendents is.
			{snapshot, "nobody", nil, "atime,bookmark,clone,compression,destroy,hold,send,snapshot"},
			{childSnapshot, "nobody", nil, "atime,bookmark,clone,compression,destroy,hold,send,snapshot"},
		}
		for _, tt := range tests {
			if got := strings.Join(tt.permissions.Of(tt.user, tt.groups...), ","); got != tt.want {
				t.Errorf("%s on %s (%v): got %s, want %s", tt.user, tt.permissions.Dataset, tt.permissions.Snapshot, got, tt.want)
			}
		}
		if got := p.missing(identity{user: "nobody"}, []string{"send", "destroy", "mount"}); !slices.Equal(got, []string{"destroy", "mount"}) {
			t.Errorf("missing %q", got)
		}
		if p := ask("allow-nothing", "tank/a"); p.Of("nobody") != nil {
			t.Errorf("got %+v", p)
		}
		if _, err := fake(zfs.replay(t, "allow-missing")...).Permissions(t.Context(), "tank/nothing"); !errors.Is(err, NotFound) {
			t.Error(err)
		}
	})
	if _, err := fake().Permissions(t.Context(), "tank/a#x"); !isNameError(err) {
		t.Errorf("got %v", err)
	}
}

// TestExplainBatch: which permissions are missing is looked up once for each dataset, and for that which was denied.
func TestExplainBatch(t *testing.T) {
	zfstest.CheckLeaks(t)
	const local, descendent = "Local permissions:\n\tuser joe destroy,mount\n", "Descendent permissions:\n\tuser joe destroy,mount\n"
	for _, tt := range []struct {
		op     string
		denied [][]string
		allow  map[string]string // by dataset
		want   string            // what is missing, for each
	}{
		{opBookmark, [][]string{{"tank/a#x"}, {"tank/a#y"}, {"tank/a#z"}}, map[string]string{"tank/a": ""}, "[[bookmark] [bookmark] [bookmark]]"},
		{opHold, [][]string{{"tank/a@x", "tank/b@x"}}, map[string]string{"tank/a": "Local permissions:\n\tuser joe hold\n", "tank/b": ""}, "[[hold]]"},
		{opHold, [][]string{{"tank/a@x"}}, map[string]string{"tank/a": "Local permissions:\n\tuser joe hold\n"}, "[[]]"},
		{opDestroy, [][]string{{"tank/a@x"}, {"tank/a"}}, map[string]string{"tank/a": local}, "[[destroy mount] []]"},
		{opDestroy, [][]string{{"tank/a@x"}, {"tank/a"}, {"tank/a#x"}}, map[string]string{"tank/a": descendent}, "[[] [destroy mount] [destroy]]"},
		{opInherit, [][]string{{"tank/a@x"}, {"tank/a"}}, map[string]string{"tank/a": "Local permissions:\n\tuser joe userprop\n"}, "[[userprop] []]"},
		{opHolds, [][]string{{"tank/a@x"}}, nil, "[[]]"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		script := `echo "$2" >> "$0"; case $2 in `
		for dataset, text := range tt.allow {
			if text != "" {
				text = "---- Permissions on " + dataset + " ----\n" + text
			}
			script += dataset + ") printf -- '" + text + "' ;; "
		}
		c := &Client{Command: []string{"sh", "-c", script + "*) exit 1 ;; esac", log}}
		b := newBatch(tt.op, 0)
		if tt.op == opInherit {
			b.needs = []string{"userprop"}
		}
		for _, names := range tt.denied {
			b.failAll(names, &Error{Op: tt.op, Object: names[0], ExitCode: 1, Cause: PermissionDenied})
		}
		c.explainBatch(t.Context(), b) // it isn't known who runs zfs
		c.findMissing(t.Context(), b, identity{user: "joe"})
		var got [][]string
		for _, e := range b.err.Processes {
			got = append(got, e.Missing)
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s %q: missing %v, want %s", tt.op, tt.denied, got, tt.want)
		}
		text, err := os.ReadFile(log)
		if asked := strings.Fields(string(text)); len(asked) != len(tt.allow) || err != nil && tt.allow != nil {
			t.Errorf("%s %q: asked for %q, %v", tt.op, tt.denied, asked, err)
		}
	}
	// Of those that a process was about, it is the denied one that matters.
	b := newBatch(opHold, 2)
	b.failAbout([]string{"tank/a@x", "tank/b@x"}, map[string]complaint{"tank/b@x": {message: "permission denied", cause: PermissionDenied}}, &Error{Op: opHold, ExitCode: 1})
	if len(b.denied) != 1 || !slices.Equal(b.denied[0].names, []string{"tank/b@x"}) {
		t.Errorf("got %+v", b.denied)
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
	for command, root := range map[string]bool{
		"/usr/bin/sudo -n zfs":       true,
		"sudo zfs":                   true,
		"sudo -- zfs":                true,
		"sudo --non-interactive zfs": true,
		"doas -n /sbin/zfs":          true,
		"sudo -u joe zfs":            false,
		"sudo -ujoe zfs":             false,
		"sudo -nu joe zfs":           false,
		"sudo -nHujoe zfs":           false,
		"sudo --user=joe zfs":        false,
		"sudo --us joe zfs":          false,
		"sudo -g wheel zfs":          false,
		"sudo --group=wheel zfs":     false,
		"doas -nu joe zfs":           false,
		"sudo ssh host zfs":          false,
		"sudo su joe zfs":            false,
	} {
		c := &Client{Command: strings.Fields(command)}
		if who, err := c.identity(); root != who.root || !root && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %+v, %v", command, who, err)
		}
	}
	sudo := &Client{Command: []string{"/usr/bin/sudo", "-n", "zfs"}}
	if missing, err := sudo.MissingPermissions(t.Context(), "tank", "send"); missing != nil || err != nil {
		t.Errorf("got %v, %v", missing, err)
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
