//go:build !linux

package suite

// holdVariable is of no use here: see kill_linux_test.go.
const holdVariable = "SPANSTACK_SUITE_HOLD"

func hold(string) {}
