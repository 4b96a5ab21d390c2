// Package output is what the writers of formats do with the bytes that they made.
package output

import "io"

// Flush writes what is in a buffer with one call of Write, if there is something, and empties it.
func Flush(out io.Writer, buf *[]byte) error {
	if len(*buf) == 0 {
		return nil
	}
	n, err := out.Write(*buf)
	if err == nil && n < len(*buf) {
		err = io.ErrShortWrite
	}
	*buf = (*buf)[:0]
	return err
}
