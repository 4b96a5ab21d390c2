//go:build !linux

package suite

import (
	"io"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

func awaitBlocked(t testing.TB, pid int) {
	t.Helper()
	t.Skip("how to see that a process is blocked is only known for Linux")
}

func awaitStandstill(t testing.TB, s *zfssend.SendStream, _ io.Writer) {
	t.Helper()
	awaitBlocked(t, s.PID())
}
