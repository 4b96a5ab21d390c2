//go:build !linux

package zfssend

import "os"

// pending lets the tests for a full pipe go on without one, where its size isn't known.
func pending(*os.File) int { return 0 }
