//go:build !linux

package suite

import "testing"

func awaitBlocked(t testing.TB, pid int) {
	t.Helper()
	t.Skip("how to see that a process is blocked is only known for Linux")
}
