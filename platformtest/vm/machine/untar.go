package machine

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A FilesError says that not all files of /out could be taken from the guest. Those that could are in the directory.
type FilesError struct {
	Problems []error // one for each file, at most a few
	More     int     // how many problems are not listed
}

func (e *FilesError) Error() string {
	var b strings.Builder
	b.WriteString("take the files from /out: " + errors.Join(e.Problems...).Error())
	if e.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.More)
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *FilesError) Unwrap() []error { return e.Problems }

const maxProblems = 10

// unpackFiles writes the files and directories of a tar stream below dir, which must exist. Nothing is written outside
// it, whatever names and links the stream has. Other kinds of entries (links, devices, sockets) are problems, and so is
// what exceeds limit bytes in all. It reads r to its end unless r or the stream is broken.
func unpackFiles(r io.Reader, dir string, limit int64) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var failed FilesError
	problem := func(name string, err error) {
		if len(failed.Problems) == maxProblems {
			failed.More++
			return
		}
		failed.Problems = append(failed.Problems, fmt.Errorf("%q: %w", name, err))
	}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("read the guest's files: %w", err)
		}
		name := filepath.Clean(h.Name)
		switch {
		case !filepath.IsLocal(name):
			err = errors.New("the name leads out of the directory")
		case h.Typeflag == tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case h.Typeflag != tar.TypeReg:
			err = errors.New("neither a file nor a directory")
		case h.Size > limit:
			err = fmt.Errorf("%d bytes are more than the %d that may still be taken", h.Size, limit)
		default:
			limit -= h.Size
			err = unpackFile(root, name, h.FileInfo().Mode().Perm(), t)
		}
		if err != nil {
			problem(h.Name, err)
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // tar's padding
		return fmt.Errorf("read the guest's files: %w", err)
	}
	if failed.Problems != nil {
		return &failed
	}
	return nil
}

// unpackFile writes one file under a temporary name and renames it when it is complete.
func unpackFile(root *os.Root, name string, perm os.FileMode, r io.Reader) (err error) {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	partial := name + ".partial"
	f, err := root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm|0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = root.Remove(partial)
		}
	}()
	if _, err := io.Copy(f, r); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return root.Rename(partial, name)
}
