package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// toolsRun fetches tools. Each method is one step.
type toolsRun struct {
	img     *Image
	line    line
	opts    ToolsOptions
	work    string // directory for intermediate files
	out     string // directory for the result
	archive *archive
}

var (
	// toolsPresent are packages that are not fetched: the image has those of ZFS.
	toolsPresent = []string{"zfsutils-linux", "zfs-zed"}
	// toolsUnneeded are packages that others depend on only for the scripts that run when they are installed.
	toolsUnneeded = []string{"adduser", "debconf", "dpkg", "init-system-helpers", "libpam-runtime", "lsb-base", "passwd", "runit-helper",
		"sensible-utils", "sysvinit-utils", "ucf", "usrmerge"}
	// toolsSkipped are directories that no program in a guest needs.
	toolsSkipped = []string{"usr/share/bug", "usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man",
		"etc/init.d", "lib/systemd", "usr/lib/systemd"}
)

// tools makes what cachedTools then finds. The cache's lock must be held.
func (b *build) tools(ctx context.Context, img *Image, opts ToolsOptions) (*Tools, error) {
	work, err := os.MkdirTemp(b.cache.dir, buildPrefix)
	if err != nil {
		return nil, err
	}
	defer removeTree(work)
	r := &toolsRun{img: img, line: b.line, opts: opts, work: work, out: filepath.Join(work, "tools")}
	for _, dir := range []string{r.root(), r.out, filepath.Join(b.cache.dir, logDir)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	steps := []recipeStep{
		{"read the package lists", 4 * time.Second, r.open},
		{"download tools", 5 * time.Second, r.download},
		{"unpack tools", 5 * time.Second, r.unpack},
		{"write the tools", 5 * time.Second, r.write},
	}
	b.start, b.total = time.Now(), len(steps)
	for _, s := range steps {
		b.allExpected += s.expected
	}
	for i, s := range steps {
		if err := b.step(ctx, s); err != nil {
			if i < 2 {
				err = unavailable(err)
			}
			return nil, err
		}
	}
	final := img.toolsDir(opts)
	if err := os.RemoveAll(final); err != nil { // damaged, or older, ones
		return nil, err
	}
	if err := os.Rename(r.out, final); err != nil {
		return nil, err
	}
	return img.cachedTools(opts)
}

func (r *toolsRun) debs() string { return filepath.Join(r.work, "apt", "cache", "archives") }
func (r *toolsRun) root() string { return filepath.Join(r.work, "root") }

// open opens the archive and makes it believe that what isn't to be fetched is installed.
func (r *toolsRun) open(ctx context.Context, log io.Writer) (err error) {
	dir := filepath.Join(r.work, "apt")
	if r.archive, err = openArchive(ctx, dir, r.line, log); err != nil {
		return err
	}
	var status strings.Builder
	installed := func(name, version string) {
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nVersion: %s\nArchitecture: amd64\nMulti-Arch: foreign\n"+
			"Maintainer: none\nDescription: in the guest already, or not needed there\n\n", name, version)
	}
	for _, p := range toolsPresent {
		installed(p, r.img.ZFS)
	}
	for _, p := range toolsUnneeded {
		installed(p, "99:0") // newer than any that another one asks for
	}
	return os.WriteFile(filepath.Join(dir, "status"), []byte(status.String()), 0o644)
}

// download fetches the packages with what they depend on, and the kernel's own package if there are modules to take.
func (r *toolsRun) download(ctx context.Context, log io.Writer) error {
	r.archive.log = log
	if len(r.opts.Packages) > 0 {
		args := append([]string{"-q", "-y", "--no-install-recommends", "--download-only", "install"}, r.opts.Packages...)
		if err := r.archive.apt(ctx, r.work, "apt-get", args...).Run(); err != nil {
			return fmt.Errorf("download %s: %w", strings.Join(r.opts.Packages, " "), err)
		}
	}
	if len(r.opts.Modules) == 0 {
		return nil
	}
	kernel := "linux-image-" + r.img.Kernel
	if err := r.archive.download(ctx, filepath.Join(r.work, "kernel"), []string{kernel}); err != nil {
		return fmt.Errorf("download %s, which the image was made from and which the archive may have no more (then refresh the image): %w", kernel, err)
	}
	return nil
}

func (r *toolsRun) unpack(ctx context.Context, log io.Writer) error {
	if err := unpack(ctx, log, filepath.Join(r.work, "kernel"), filepath.Join(r.work, "kernel")); err != nil {
		return err
	}
	return unpack(ctx, log, r.debs(), r.root())
}

// write writes the archive and the manifest.
func (r *toolsRun) write(ctx context.Context, log io.Writer) error {
	file := filepath.Join(r.out, toolsFile)
	err := writeArchive(file, func(w *cpioWriter) error {
		if err := addPackages(w, r.root()); err != nil {
			return err
		}
		return r.addModules(ctx, w, log)
	})
	if err != nil {
		return err
	}
	m := toolsManifest{Packages: r.opts.Packages, Modules: r.opts.Modules, Built: time.Now().UTC().Truncate(time.Second)}
	if m.Versions, err = debVersions(r.debs()); err != nil {
		return err
	}
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	m.Size = st.Size()
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, manifestFile), append(data, '\n'), 0o644)
}

// addModules adds the wanted modules beside those of the image, which it adds again: the index of both is one file.
func (r *toolsRun) addModules(ctx context.Context, w *cpioWriter, log io.Writer) error {
	if len(r.opts.Modules) == 0 {
		return nil
	}
	tree := filepath.Join(r.work, "kernel", "lib/modules", r.img.Kernel)
	modules, err := findModules(filepath.Join(tree, "kernel"))
	if err != nil {
		return err
	}
	present, err := readBuiltin(filepath.Join(tree, "modules.builtin"))
	if err != nil {
		return err
	}
	first, err := loadOrder(modules, present, guestDrivers)
	if err != nil {
		return err
	}
	for _, m := range first {
		present[m.name] = true
	}
	others, err := loadOrder(modules, present, slices.Concat(guestModules, r.opts.Modules))
	if err != nil {
		return err
	}
	dir := "lib/modules/" + r.img.Kernel
	if err := addModules(ctx, w, log, dir, others); err != nil {
		return err
	}
	// modprobe loads just what a module's line names, the last one first: all that it needs, not only its own dependencies.
	for i, m := range others {
		all, err := loadOrder(modules, present, m.depends)
		if err != nil {
			return err
		}
		others[i].depends = nil
		for _, d := range slices.Backward(all) {
			others[i].depends = append(others[i].depends, d.name)
		}
	}
	depends, aliases := moduleIndex(others, present)
	return errors.Join(w.Bytes(dir+"/modules.dep", 0o644, depends), w.Bytes(dir+"/modules.alias", 0o644, aliases))
}

// debVersions returns the versions of the packages in dir, whose files apt names PACKAGE_VERSION_ARCHITECTURE.deb.
func debVersions(dir string) (map[string]string, error) {
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, deb := range debs {
		parts := strings.Split(filepath.Base(deb), "_")
		if len(parts) != 3 {
			return nil, fmt.Errorf("read the version of %s: want PACKAGE_VERSION_ARCHITECTURE.deb", deb)
		}
		found[parts[0]] = strings.ReplaceAll(parts[1], "%3a", ":")
	}
	return found, nil
}

// addPackages adds what packages unpacked below root, where the guest has it.
func addPackages(w *cpioWriter, root string) error {
	return filepath.WalkDir(root, func(host string, e fs.DirEntry, err error) error {
		if err != nil || host == root {
			return err
		}
		name, err := filepath.Rel(root, host)
		if err != nil {
			return err
		}
		if slices.Contains(toolsSkipped, name) {
			return fs.SkipDir
		}
		switch e.Type() {
		case fs.ModeDir:
			return nil // those with something in them come along with it
		case fs.ModeSymlink:
			target, err := os.Readlink(host)
			if err != nil {
				return err
			}
			return w.Symlink(guestPath(name), guestTarget(name, target))
		case 0:
			return addFile(w, guestPath(name), host, 0)
		}
		return fmt.Errorf("%s: neither a file, a directory nor a symbolic link", name)
	})
}

// guestMerged are directories that the guest has outside /usr, with links to them in it: an entry of the archive for one
// of these would replace the link.
var guestMerged = map[string]string{"usr/bin": "bin", "usr/sbin": "sbin", "usr/lib": "lib", "usr/lib64": "lib64", "var/run": "run", "var/tmp": "tmp"}

// guestPath returns where the guest has a file of a package.
func guestPath(name string) string {
	for _, dir := range slices.Sorted(maps.Keys(guestMerged)) {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			return path.Join(guestMerged[dir], rest)
		}
	}
	return name
}

// guestTarget returns the target of a link of a package, which may be relative to a directory that the guest has elsewhere.
func guestTarget(name, target string) string {
	if path.IsAbs(target) || !strings.Contains(target, "/") {
		return target
	}
	return path.Join("/", path.Dir(name), target)
}
