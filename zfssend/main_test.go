package zfssend

import (
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// fake returns a client whose zfs follows the script, whatever the subcommand.
func fake(script ...zfstest.Action) *Client {
	scripts := zfstest.Scripts{}
	for _, op := range []string{"send", "receive", "list", "snapshot"} {
		scripts[op] = script
	}
	return &Client{Command: zfstest.Fake(scripts)}
}
