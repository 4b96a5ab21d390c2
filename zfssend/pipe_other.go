//go:build !linux

package zfssend

import "os"

// growPipe does nothing: FreeBSD grows a pipe by itself.
func growPipe(*os.File) int { return 0 }
