package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// An Image is what a run boots: a kernel, a base file system with the ZFS commands, and a set of ZFS modules for each
// [Variant]. It is a directory of the cache and never changes once it is there. Its methods may be called concurrently.
type Image struct {
	Dir    string    // absolute path of the directory
	Line   string    // ZFS release line, "2.1"
	Kernel string    // kernel as uname -r prints it, "6.1.0-56-cloud-amd64"
	ZFS    string    // version of Debian's ZFS packages, "2.1.11-1+deb12u1"
	Built  time.Time // when
}

// RecipeID returns the hash of the recipe in this program for a release line; "" is [DefaultLine]. It has 12 hexadecimal
// digits. An image's directory name ends with that of the recipe which built it, so a cache of images may use it as a key.
func RecipeID(lineName string) (string, error) {
	l, err := findLine(lineName)
	if err != nil {
		return "", err
	}
	return l.recipe(), nil
}

// manifest is the content of manifest.json, which is written last.
type manifest struct {
	Recipe string    `json:"recipe"`
	Line   string    `json:"line"`
	Built  time.Time `json:"built"`
	versions
	Sizes map[string]int64 `json:"sizes"` // of the other files, in bytes
}

// key names an image's directory by all that decides its content.
func (m manifest) key() string {
	return m.Kernel + keyZFS + m.ZFS + "_" + m.Recipe
}

const keyZFS = "_zfs-"

func imageFiles() []string {
	files := []string{kernelFile, baseFile}
	for _, v := range Variants() {
		files = append(files, variantFile(v))
	}
	return files
}

// writeManifest completes the image in dir.
func writeManifest(dir string, m manifest) error {
	m.Sizes = map[string]int64{}
	for _, name := range imageFiles() {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		m.Sizes[name] = st.Size()
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestFile), append(data, '\n'), 0o644)
}

// readManifest reads the manifest of the image in dir and checks that its files are there.
func readManifest(dir string) (manifest, error) {
	var m manifest
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("read %s: %w", filepath.Join(dir, manifestFile), err)
	}
	for _, name := range imageFiles() {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return m, err
		}
		if st.Size() != m.Sizes[name] {
			return m, fmt.Errorf("read %s: %d bytes, its manifest says %d", filepath.Join(dir, name), st.Size(), m.Sizes[name])
		}
	}
	return m, nil
}

// cache is the directory that holds the images, one directory each, and next to them a lock, the logs of the last
// build, and the directory of a build that is under way.
type cache struct{ dir string }

const (
	lockFile    = "lock"
	logDir      = "log"
	buildPrefix = ".build-"
)

// DefaultCacheDir returns where images are kept if nothing else is said: spanstack/vm in $XDG_CACHE_HOME or ~/.cache.
func DefaultCacheDir() (string, error) {
	dir := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(dir) { // the XDG specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the cache directory: %w", err)
		}
		dir = filepath.Join(home, ".cache")
	}
	return filepath.Join(dir, "spanstack", "vm"), nil
}

func openCache(dir string) (cache, error) {
	var err error
	if dir == "" {
		dir, err = DefaultCacheDir()
	} else {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return cache{}, err
	}
	// The kernel's makefiles, which run below it, can't cope with such a name.
	if strings.ContainsAny(dir, " \t\n:#$%'\"") {
		return cache{}, fmt.Errorf("open cache %q: the path has a character that make can't handle; set XDG_CACHE_HOME to another", dir)
	}
	return cache{dir}, nil
}

// images returns the complete images, by directory name.
func (c cache) images() (map[string]manifest, error) {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]manifest{}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == logDir || strings.HasPrefix(e.Name(), buildPrefix) {
			continue
		}
		if m, err := readManifest(filepath.Join(c.dir, e.Name())); err == nil {
			found[e.Name()] = m
		}
	}
	return found, nil
}

// newest returns the latest image of the line that this very recipe built, or nil.
func (c cache) newest(l line) (*Image, error) {
	images, err := c.images()
	if err != nil {
		return nil, err
	}
	var best *Image
	recipe := l.recipe()
	for name, m := range images {
		if m.Recipe == recipe && m.Line == l.name && (best == nil || m.Built.After(best.Built)) {
			best = c.image(name, m)
		}
	}
	return best, nil
}

func (c cache) image(name string, m manifest) *Image {
	return &Image{Dir: filepath.Join(c.dir, name), Line: m.Line, Kernel: m.Kernel, ZFS: m.ZFS, Built: m.Built}
}

// ErrNotBuilt is returned by [Find] if there is no image yet.
var ErrNotBuilt = errors.New("no image has been built by this version of the recipe")

// Find returns the image that [Build] would use without building one. An empty cacheDir is [DefaultCacheDir].
func Find(lineName, cacheDir string) (*Image, error) {
	l, err := findLine(lineName)
	if err != nil {
		return nil, err
	}
	c, err := openCache(cacheDir)
	if err != nil {
		return nil, err
	}
	img, err := c.newest(l)
	if err == nil && img == nil {
		err = fmt.Errorf("find an image of ZFS %s in %s: %w", l.name, c.dir, ErrNotBuilt)
	}
	return img, err
}
