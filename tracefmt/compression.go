package tracefmt

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Compression describes a way of packing files that any format may be in. gzip is always known; package
// tracefmt/compress, which tracefmt/all imports, makes zstd known, too.
type Compression struct {
	Name      string   // short and lower case
	Extension string   // of file names, behind that of the format, with the dot
	Magics    []string // packed content begins with one of these bytes

	// NewReader unpacks what is packed, up to the end of the input, in bounded memory and without goroutines that go on
	// when it is no longer read. An input that is cut short is delivered as far as it goes, and then fails with
	// io.ErrUnexpectedEOF.
	NewReader func(io.Reader) (io.Reader, error)
	// NewWriter packs what is written; Close completes it, and leaves the underlying writer open. Without Close its
	// memory is garbage, and nothing else of it remains.
	NewWriter func(io.Writer) io.WriteCloser
}

var compressions = struct {
	sync.RWMutex
	list []*Compression
}{list: []*Compression{gzipCompression}}

// gzipCompression is what the standard library has. Source of the magic: RFC 1952, section 2.3.1.
var gzipCompression = &Compression{
	Name: "gzip", Extension: ".gz", Magics: []string{"\x1f\x8b"},
	NewReader: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	NewWriter: func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
}

// RegisterCompression makes a compression known. It takes the place of one with the same name, if there is one, as a
// faster implementation of the same does.
func RegisterCompression(c *Compression) {
	compressions.Lock()
	defer compressions.Unlock()
	compressions.list = slices.DeleteFunc(compressions.list, func(old *Compression) bool { return old.Name == c.Name })
	compressions.list = append(compressions.list, c)
	slices.SortFunc(compressions.list, func(a, b *Compression) int { return cmp.Compare(a.Name, b.Name) })
}

// Compressions returns the known compressions, sorted by name.
func Compressions() []*Compression {
	compressions.RLock()
	defer compressions.RUnlock()
	return slices.Clone(compressions.list)
}

// CompressionByExtension returns the compression that a file of this name is expected to have, or nil.
func CompressionByExtension(path string) *Compression {
	base := strings.ToLower(filepath.Base(path))
	for _, c := range Compressions() {
		if strings.HasSuffix(base, c.Extension) {
			return c
		}
	}
	return nil
}

// CompressionFor returns the compression that a writer's output needs to go into a file of this name, or nil: also if
// the format packs itself with what the name says.
func CompressionFor(f *Format, path string) *Compression {
	c := CompressionByExtension(path)
	if c == nil || f.Packed && c.Name == gzipCompression.Name {
		return nil
	}
	return c
}

// sniff finds the compression of an input by its first bytes, and looks at no more of them than it takes to be sure.
func sniff(peek func(n int) ([]byte, error)) *Compression {
	candidates := Compressions()
	for n := 1; len(candidates) > 0; n++ {
		prefix, err := peek(n)
		if err != nil {
			return nil
		}
		candidates = slices.DeleteFunc(candidates, func(c *Compression) bool {
			return !slices.ContainsFunc(c.Magics, func(magic string) bool {
				return len(magic) >= n && strings.HasPrefix(magic, string(prefix[:n]))
			})
		})
		for _, c := range candidates {
			if slices.Contains(c.Magics, string(prefix[:n])) {
				return c
			}
		}
	}
	return nil
}

// unpacked words the errors of a compression's reader.
type unpacked struct {
	name string
	in   io.Reader
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	if err != nil && err != io.EOF {
		err = unpackError(u.name, err)
	}
	return n, err
}

// unpackError turns the end of a stream that is cut off into ErrTruncated.
func unpackError(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w", name, ErrTruncated)
	}
	if strings.HasPrefix(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}
