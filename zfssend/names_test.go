package zfssend

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestNames(t *testing.T) {
	zfstest.CheckLeaks(t)
	m := zfstest.Model(t)
	for _, args := range [][]string{{"create", "tank/with space"}, {"create", "-V", "1M", "tank/volume"}, {"snapshot", "tank@x"}} {
		if out, err := exec.Command(m.Command()[0], args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", args, out)
		}
	}
	c := &Client{Command: m.Command()}
	if names, err := c.Names(t.Context()); err != nil || !slices.Equal(names, []string{"tank", "tank/volume", "tank/with space"}) {
		t.Errorf("%q, %v", names, err)
	}
	if names, err := fake(zfstest.Print("")).Names(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("%q, %v", names, err)
	}
	for _, out := range []string{"tank\n\n", "tank", "tank@x\n", "-r\n"} {
		if names, err := fake(zfstest.Print(out)).Names(t.Context()); err == nil || !strings.Contains(err.Error(), "is no name of one") {
			t.Errorf("%q: %q, %v", out, names, err)
		}
	}
	if _, err := fake(zfstest.Stderr("The ZFS modules are not loaded.\n"), zfstest.Exit(1)).Names(t.Context()); err == nil {
		t.Error("no error")
	}
}
