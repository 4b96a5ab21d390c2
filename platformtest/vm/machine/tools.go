package machine

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ToolsOptions say what [Image.Tools] adds to a guest.
type ToolsOptions struct {
	// Packages are Debian packages. What they depend on comes along, what they recommend doesn't.
	Packages []string
	// Modules are kernel modules that modprobe loads by name, and the kernel when a device or protocol needs them: "veth".
	// What they depend on comes along.
	Modules []string
	// Refresh looks for newer packages even if these were fetched already.
	Refresh bool
	// Progress, if not nil, is called with what happens, as that of [BuildOptions].
	Progress func(Event)
}

// Tools are programs and kernel modules besides those of an [Image], for the runs that ask for them: see
// [RunOptions.Tools]. They belong to the image that they were made for. They are a directory of the cache and never
// change once they are there.
type Tools struct {
	Dir string // absolute path of the directory
	// Versions has the version of each Debian package, by name, dependencies included.
	Versions map[string]string

	image string // directory of the image
}

const (
	toolsFile = "tools.cpio"
	keyTools  = "_tools-"
)

// toolsSource is what decides the content of tools for a given image, given options and given versions.
//
//go:embed toolsbuild.go
var toolsSource []byte

// toolsRecipe returns a hash that changes when the recipe of tools does. That of the image is in the image's name.
func toolsRecipe() string { return shortHash(toolsSource) }

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:12]
}

// toolsManifest is the content of the manifest of tools, which is written last.
type toolsManifest struct {
	Packages []string          `json:"packages"`
	Modules  []string          `json:"modules"`
	Built    time.Time         `json:"built"`
	Versions map[string]string `json:"versions"`
	Size     int64             `json:"size"` // of the archive, in bytes
}

// Tools returns packages and modules for guests of this image. Those that were asked for before come from the cache,
// without a network; others are downloaded and unpacked, which takes half a minute. Nothing is installed: no scripts of
// packages run, so that a user whom one would make, or a directory below /run, is the payload's own business. Packages
// that only such scripts need are left out, and so are those of ZFS, which are the image's own, and manuals.
//
// It needs what [Build] needs, and fails in the same ways.
func (img *Image) Tools(ctx context.Context, opts ToolsOptions) (*Tools, error) {
	l, err := findLine(img.Line)
	if err != nil {
		return nil, err
	}
	if len(opts.Packages) == 0 && len(opts.Modules) == 0 {
		return nil, errors.New("fetch tools: neither packages nor modules")
	}
	opts.Packages, opts.Modules = sortedSet(opts.Packages), sortedSet(opts.Modules)
	if !opts.Refresh {
		if t, err := img.cachedTools(opts); t != nil || err != nil {
			return t, err
		}
	}
	if err := checkBuildHost(); err != nil {
		return nil, err
	}
	b := &build{cache: cache{filepath.Dir(img.Dir)}, line: l, progress: opts.Progress}
	release, err := b.cache.lock(ctx, func(owner string) {
		b.note("another process (%s) is building in %s; waiting for it", owner, b.cache.dir)
	})
	if err != nil {
		return nil, err
	}
	defer release()
	if !opts.Refresh {
		if t, err := img.cachedTools(opts); t != nil || err != nil { // another process may have made them by now
			return t, err
		}
	}
	return b.tools(ctx, img, opts)
}

func sortedSet(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// toolsPrefix begins the names of all directories with tools for this image that the present recipe made.
func (img *Image) toolsPrefix() string { return img.Dir + keyTools + toolsRecipe() + "-" }

func (img *Image) toolsDir(opts ToolsOptions) string {
	wanted := strings.Join(opts.Packages, " ") + "\n" + strings.Join(opts.Modules, " ")
	return img.toolsPrefix() + shortHash([]byte(wanted))
}

// cachedTools returns nil if there are none, or none that are complete.
func (img *Image) cachedTools(opts ToolsOptions) (*Tools, error) {
	dir := img.toolsDir(opts)
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m toolsManifest
	st, err := os.Stat(filepath.Join(dir, toolsFile))
	if json.Unmarshal(data, &m) != nil || err != nil || st.Size() != m.Size {
		return nil, nil // damaged: made anew
	}
	return &Tools{Dir: dir, Versions: m.Versions, image: img.Dir}, nil
}

// archives are the parts of a guest's initramfs before the run's own, in order.
func (img *Image) archives(v Variant, tools *Tools) ([]string, error) {
	files := []string{filepath.Join(img.Dir, baseFile), filepath.Join(img.Dir, variantFile(v))}
	if tools == nil {
		return files, nil
	}
	if tools.image != img.Dir {
		return nil, fmt.Errorf("run the virtual machine: the tools in %s are of another image than %s", tools.Dir, img.Dir)
	}
	return append(files, filepath.Join(tools.Dir, toolsFile)), nil
}
