//go:build !linux

package zfssend

// processTree knows nothing on this platform.
func processTree(int) []ProcessStatus { return nil }

func (p ProcessStatus) kill() {}
