//go:build !linux

package zfssuite_test

import "testing"

func (m *model) AwaitBlocked(t testing.TB, pid int) {
	t.Helper()
	t.Skip("how to see that a process is blocked is only known for Linux")
}
