package machine

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// cpioWriter writes an archive that the Linux kernel unpacks as an initramfs: the "newc" format of
// Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's source. All files belong to root and all
// times are zero, so equal content gives equal bytes. Missing parent directories are added with mode 0755.
//
// Archives may follow each other in one file; the kernel lets later ones replace files of earlier ones.
type cpioWriter struct {
	w    *bufio.Writer
	n    int64           // bytes written, for alignment
	ino  int             // last inode number used; equal numbers would be hard links
	dirs map[string]bool // directories that are already in the archive
}

const (
	cpioMagic   = "070701"
	cpioTrailer = "TRAILER!!!"
	cpioAlign   = 4
	// The kernel gives up an entry with a longer name (PATH_MAX) or link target.
	cpioMaxName = 4096

	// File types as in stat(2), which are the ones of the format.
	cpioDir     = 0o040000
	cpioRegular = 0o100000
	cpioSymlink = 0o120000
)

func newCPIOWriter(w io.Writer) *cpioWriter {
	return &cpioWriter{w: bufio.NewWriterSize(w, 1<<16), dirs: map[string]bool{".": true}}
}

// File adds a regular file whose content is the size bytes that r yields.
func (c *cpioWriter) File(name string, perm fs.FileMode, size int64, r io.Reader) error {
	if size < 0 || size > 1<<32-1 {
		return fmt.Errorf("write cpio %s: %d bytes do not fit the format's 32 bits", name, size)
	}
	if err := c.header(name, cpioRegular|unixPerm(perm), size); err != nil {
		return err
	}
	n, err := io.CopyN(c.w, r, size)
	c.n += n
	if err == io.EOF {
		return fmt.Errorf("write cpio %s: file ended after %d of %d bytes", name, n, size)
	}
	if err != nil {
		return fmt.Errorf("write cpio %s: %w", name, err)
	}
	return c.pad()
}

// Bytes adds a regular file with the given content.
func (c *cpioWriter) Bytes(name string, perm fs.FileMode, content string) error {
	return c.File(name, perm, int64(len(content)), strings.NewReader(content))
}

// Symlink adds a symbolic link to target.
func (c *cpioWriter) Symlink(name, target string) error {
	if err := c.header(name, cpioSymlink|0o777, int64(len(target))); err != nil {
		return err
	}
	n, err := c.w.WriteString(target)
	c.n += int64(n)
	if err != nil {
		return fmt.Errorf("write cpio %s: %w", name, err)
	}
	return c.pad()
}

// Dir adds a directory. Adding one twice has no effect.
func (c *cpioWriter) Dir(name string, perm fs.FileMode) error {
	name = path.Clean(name)
	if c.dirs[name] {
		return nil
	}
	if err := c.header(name, cpioDir|unixPerm(perm), 0); err != nil {
		return err
	}
	c.dirs[name] = true
	return nil
}

// Close ends the archive. It does not close the writer beneath.
func (c *cpioWriter) Close() error {
	c.ino = -1 // the trailer is number 0
	if err := c.entry(cpioTrailer, 0, 0); err != nil {
		return err
	}
	return c.w.Flush()
}

// header starts an entry, after those of the directories above it.
func (c *cpioWriter) header(name string, mode uint32, size int64) error {
	if !fs.ValidPath(name) || name == "." || len(name) >= cpioMaxName || strings.ContainsRune(name, 0) {
		return fmt.Errorf("write cpio: %q is no relative path of 1 to %d bytes", name, cpioMaxName-1)
	}
	if err := c.Dir(path.Dir(name), 0o755); err != nil {
		return err
	}
	return c.entry(name, mode, size)
}

func (c *cpioWriter) entry(name string, mode uint32, size int64) error {
	c.ino++
	links := 1
	if mode&cpioDir == cpioDir {
		links = 2
	}
	// Fields after the magic: ino, mode, uid, gid, nlink, mtime, filesize, four device numbers, namesize, check.
	n, err := fmt.Fprintf(c.w, "%s%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		cpioMagic, c.ino, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	c.n += int64(n)
	if err != nil {
		return fmt.Errorf("write cpio %s: %w", name, err)
	}
	return c.pad()
}

func (c *cpioWriter) pad() error {
	for c.n%cpioAlign != 0 {
		if err := c.w.WriteByte(0); err != nil {
			return fmt.Errorf("write cpio: %w", err)
		}
		c.n++
	}
	return nil
}

// unixPerm returns the permission bits of mode, with set-user-id, set-group-id and sticky, as stat(2) has them.
func unixPerm(mode fs.FileMode) uint32 {
	p := uint32(mode.Perm())
	for _, b := range []struct {
		mode fs.FileMode
		bits uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if mode&b.mode != 0 {
			p |= b.bits
		}
	}
	return p
}
