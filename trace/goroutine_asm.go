//go:build amd64 || arm64

package trace

// goroutine returns the address of the calling goroutine's descriptor: equal for two calls on one goroutine, and different
// for goroutines that live at the same time.
//
//go:noescape
func goroutine() uintptr
