//go:build !linux

package zfssuite_test

import "testing"

func init() {
	for _, name := range []string{"CancelBlocked", "CloseBlocked", "KilledByOthers", "SendWhileRenamed"} {
		lacks[name] = "how to see that a process is blocked is only known for Linux"
	}
}

func (m *model) AwaitBlocked(t testing.TB, pid int) {
	t.Helper()
	t.Fatal("how to see that a process is blocked is only known for Linux")
}
