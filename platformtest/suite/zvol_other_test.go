//go:build !linux

package suite

// volumeName isn't known for other systems, where volumes have names of their own in /dev/zvol.
func volumeName(string) string { return "" }
