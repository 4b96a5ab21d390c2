//go:build !unix

package capture

import "os"

const nonBlocking = 0

// lock does nothing where there is no lock that ends with the process.
func lock(*os.File) error { return nil }

// Where errors have other numbers, sockets that are there stay.
func refused(error) bool { return false }
