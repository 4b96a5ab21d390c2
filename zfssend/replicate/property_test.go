package replicate

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

func TestSameValue(t *testing.T) {
	for _, c := range []struct {
		want, got string
		same      bool
	}{
		{"on", "on", true}, {"on", "off", false}, {"on", "-", false}, {"", "", true},
		{"none", "0", true}, {"none", "none", true}, {"none", "10", false},
		{"10G", "10737418240", true}, {"10g", "10737418240", true}, {"1.5TB", "1649267441664", true}, {"64KiB", "65536", true},
		{"64kb", "65536", true}, {"512B", "512", true}, {"1P", "1125899906842624", true}, {"10G", "10737418241", false},
		{"10", "10", true}, {"10GG", "10737418240", false}, {"10Z", "10", false}, {"-1K", "0", false}, {"nanK", "0", false},
		{"infK", "18446744073709551615", false}, {"16E", "0", false}, {"K", "0", false}, {"1BB", "1", false},
		{"/mnt/x", "/x", false},
	} {
		if same := sameValue(c.want, c.got); same != c.same {
			t.Errorf("sameValue(%q, %q) is %v", c.want, c.got, same)
		}
	}
}

// deny lets whoever receives have no permission to set some properties, which zfs receive only warns of.
func (h *house) deny(properties ...string) {
	h.Helper()
	script := "#!/bin/sh\n" + `n=$#
while [ $n -gt 0 ]; do
	case "$1 $2" in` + "\n"
	for _, p := range properties {
		script += `	"-o ` + p + `="*) echo "cannot receive ` + p + ` property on backup: permission denied" >&2; shift 2; n=$((n-2)); continue;;` + "\n"
	}
	script += `	esac
	set -- "$@" "$1"
	shift
	n=$((n-1))
done
exec ` + h.model.Command()[0] + ` "$@"` + "\n"
	name := filepath.Join(h.TempDir(), "zfs")
	h.must(os.WriteFile(name, []byte(script), 0o700))
	h.r.Destination = (&zfssend.Client{Command: []string{name}}).Host()
}

// TestSetDenied: a property that couldn't be set when a dataset was made is missed by each run, until it is there. What is to be
// received is received nevertheless.
func TestSetDenied(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b")
	h.snapshot("tank/a@1")
	h.r.Options.Set = map[string]string{"readonly": "on", "quota": "1G", "zferry:x": "y z"}
	h.deny("readonly", "zferry:x")
	const denied = " is replicated, but its readonly is \"off\" and not \"on\": there was no permission to set it"
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: full @1, backup/a"+denied, "backup/a/b: full @1, backup/a/b"+denied)
	const lacks = " is replicated, but its readonly is \"off\" and not \"on\": it was made without"
	idle := func(want map[string]int, lines ...string) {
		t.Helper()
		if got := h.processes(func() { h.want(h.replicate("tank/a", "backup/a"), lines...) }); !maps.Equal(got, want) {
			t.Errorf("processes: %v, want %v", got, want)
		}
	}
	idle(map[string]int{"list": 4, "get": 2}, "backup/a: backup/a"+lacks, "backup/a/b: backup/a/b"+lacks)
	h.snapshot("tank/a@2")
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: incremental @1..@2, backup/a"+lacks, "backup/a/b: incremental @1..@2, backup/a/b"+lacks)

	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	_, err = h.r.Execute(h.ctx, plan)
	missing, ok := errors.AsType[*PropertyError](err)
	if !ok || *missing != (PropertyError{"backup/a", "readonly", "on", "off", false}) || errors.Is(err, zfssend.PropertyDenied) ||
		missing.Hint() != "set it there: zfs set readonly=on backup/a; or no longer ask for it" {
		t.Errorf("got %v", err)
	}

	// It was inherited by the one below, then. What somebody has set is left alone, whatever it is.
	h.must(h.client.SetProperties(h.ctx, "backup/a", map[string]string{"readonly": "on"}))
	const other = ": it was made without"
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: backup/a is replicated, but its zferry:x is \"-\" and not \"y z\""+other,
		"backup/a/b: backup/a/b is replicated, but its zferry:x is \"-\" and not \"y z\""+other)
	h.must(h.client.SetProperties(h.ctx, "backup/a", map[string]string{"zferry:x": "y z"}))
	idle(map[string]int{"list": 4})
	h.must(h.client.SetProperties(h.ctx, "backup/a/b", map[string]string{"readonly": "off"}))
	idle(map[string]int{"list": 4, "get": 1})
}

// TestSetGone: that it can't be found out what a copy lacks is a warning.
func TestSetGone(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.snapshot("tank/a@1")
	h.r.Options.Set = map[string]string{"readonly": "on"}
	h.deny("readonly")
	h.replicate("tank/a", "backup/a")
	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	h.must(h.model.SetFault("get", zfsmodel.Fault{Text: "cannot open 'backup/a': I/O error\n", Exit: 1}))
	report, err := h.r.Execute(h.ctx, plan)
	if err != nil || len(report.Warnings) != 1 || !strings.HasPrefix(report.Warnings[0].Error(), "look whether properties were set: get backup/a: ") {
		t.Errorf("got %v, %v", report.Warnings, err)
	}
}

// TestSetResumed: what a new dataset gets it has also if its first receive was interrupted.
func TestSetResumed(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.must(h.model.Write("tank/a", "large", make([]byte, 3<<20)))
	h.snapshot("tank/a@1")
	h.r.Options.Set = map[string]string{"readonly": "on"}
	h.r.Options.Retries, h.r.Options.Backoff = 1, time.Millisecond
	h.must(h.model.SetFault("receive", zfsmodel.Fault{After: 2 << 20, Text: "cannot receive: dataset is busy\n", Exit: 1}))
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: resumed @1")
	if canmount, readonly := h.property("backup/a", "canmount"), h.property("backup/a", "readonly"); canmount != "noauto" || readonly != "on" {
		t.Errorf("canmount=%s readonly=%s", canmount, readonly)
	}
}
