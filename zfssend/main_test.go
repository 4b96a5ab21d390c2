package zfssend

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// fake returns a client whose zfs follows the script, whatever the subcommand.
func fake(script ...zfstest.Action) *Client {
	return scripted(zfstest.Scripts{"": script})
}

// scripted returns a client whose zfs follows the script of the subcommand.
func scripted(scripts zfstest.Scripts) *Client {
	return &Client{Command: zfstest.Fake(scripts)}
}

// run is what a real zfs command did: see testdata/record.sh.
type run struct {
	stdout, stderr string
	status         int64
}

// recordedRun reads a recording.
func recordedRun(t testing.TB, name string) run {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/zfs-2.1/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	part := make(map[string]string)
	for _, f := range archive.Files {
		part[f.Name] = string(f.Data)
	}
	r := run{stdout: part["stdout"], stderr: part["stderr"]}
	if r.status, err = strconv.ParseInt(strings.TrimSpace(part["status"]), 10, 64); err != nil {
		t.Fatal(err)
	}
	return r
}

// replay is a script that does what was recorded.
func replay(t testing.TB, name string) []zfstest.Action {
	r := recordedRun(t, name)
	return []zfstest.Action{zfstest.Print(r.stdout), zfstest.Stderr(r.stderr), zfstest.Exit(r.status)}
}
