//go:build !unix

package trigger

import "os"

var defaultSignals []os.Signal // there is none that programs may use as they like
