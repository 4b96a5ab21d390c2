// Package terminal tells commands whether a person looks at a stream, so that progress and colours go nowhere else.
package terminal

import "os"

// Is reports whether a stream is a terminal. A character device like /dev/null is none.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	conn, err := f.SyscallConn() // Fd would make the file a blocking one
	if err != nil {
		return false
	}
	is := false
	return conn.Control(func(fd uintptr) { is = isTerminal(int(fd)) }) == nil && is
}
