package machine

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// recipeSource is everything that determines what an image holds, for a given line and given versions of Debian's
// packages. The guest's init and configuration are not in an image: each run brings its own.
//
//go:embed apt.go cpio.go elf.go initramfs.go recipe.go
var recipeSource embed.FS

// recipe returns a hash that changes when the recipe does, be it by a comment, or what the table says of this line. A
// change of one line leaves the images of the others in use.
func (l line) recipe() string {
	h := sha256.New()
	files, err := recipeSource.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, f := range files {
		data, err := recipeSource.ReadFile(f.Name())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(h, "%s %d\n%s", f.Name(), len(data), data)
	}
	l.configure, l.modules = 0, 0 // how long it takes changes nothing in an image
	fmt.Fprintf(h, "%+v", l)
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// A recipe run turns packages of the archive into the files of an image. Each method is one step.
type recipeRun struct {
	line     line
	work     string // directory for intermediate files
	image    string // directory for the image's files
	logs     string // directory for what a failed step leaves to be read
	archive  *archive
	versions versions
}

// A recipeStep is one step with the time that it takes on 2 idle cores.
type recipeStep struct {
	name     string
	expected time.Duration
	run      func(ctx context.Context, log io.Writer) error
}

// steps returns the steps after the first, in order.
func (r *recipeRun) steps() []recipeStep {
	cpu := func(d time.Duration) time.Duration { return d * 2 / time.Duration(max(runtime.NumCPU(), 1)) }
	return []recipeStep{
		{"download packages", 4 * time.Second, r.download},
		{"unpack packages", 4 * time.Second, r.unpack},
		{"configure ZFS", cpu(r.line.configure), r.configure},
		{"build the stock module", cpu(r.line.modules), r.buildStock},
		{"build the taskq module", 5 * time.Second, r.buildTaskQ},
		{"write the image", 2 * time.Second, r.writeBase},
	}
}

func (r *recipeRun) debs() string { return filepath.Join(r.work, "debs") }
func (r *recipeRun) root() string { return filepath.Join(r.work, "root") }

// source is ZFS's source tree, /usr/src/zfs-2.1.11 in its package.
func (r *recipeRun) source() (string, error) {
	found, err := filepath.Glob(filepath.Join(r.root(), "usr/src/zfs-*"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("find the ZFS source in usr/src: %d directories zfs-*", len(found))
	}
	return found[0], nil
}

// resolve opens the archive and finds the versions, which decide whether an image of them exists already.
func (r *recipeRun) resolve(ctx context.Context, log io.Writer) (err error) {
	if r.archive, err = openArchive(ctx, filepath.Join(r.work, "apt"), r.line, log); err != nil {
		return err
	}
	r.versions, err = r.archive.resolve(ctx, r.line)
	return err
}

func (r *recipeRun) download(ctx context.Context, log io.Writer) error {
	r.archive.log = log
	packages := slices.Concat(r.versions.kernelPackages, []string{zfsSourcePackage}, guestPackages, r.line.libraries)
	return r.archive.download(ctx, r.debs(), packages)
}

func (r *recipeRun) unpack(ctx context.Context, log io.Writer) error {
	if err := unpack(ctx, log, r.debs(), r.root()); err != nil {
		return err
	}
	// The headers' makefile includes the common one by its installed path.
	makefile := filepath.Join(r.root(), "usr/src/linux-headers-"+r.versions.Kernel, "Makefile")
	return replaceOnce(makefile, " /usr/src/", " "+r.root()+"/usr/src/")
}

func (r *recipeRun) configure(ctx context.Context, log io.Writer) error {
	source, err := r.source()
	if err != nil {
		return err
	}
	headers := filepath.Join(r.root(), "usr/src/linux-headers-"+r.versions.Kernel)
	common := strings.TrimSuffix(headers, "-cloud-amd64") + "-common"
	// Most of its time goes into compiling some 290 test modules, all cores at once.
	cmd := command(ctx, log, source, "/bin/sh", "./configure", "--with-config=kernel", "--disable-dependency-tracking",
		"--with-linux="+common, "--with-linux-obj="+headers)
	cmd.Env = append(cmd.Env, compileEnv...)
	err = cmd.Run()
	if err != nil { // the tree goes, but why a test program did not compile stands in there alone
		if copyFile(filepath.Join(r.logs, "config.log"), filepath.Join(source, "config.log")) == nil {
			fmt.Fprintf(log, "config.log is kept in %s\n", r.logs)
		}
	}
	return err
}

// compileEnv leaves out debug information, which would be stripped anyway, and runs configure by the quick shell.
var compileEnv = []string{"KCFLAGS=-g0", "CONFIG_SHELL=/bin/sh"}

func (r *recipeRun) makeModules(ctx context.Context, log io.Writer, source string, v Variant) error {
	cmd := command(ctx, log, source, "make", "-C", "module", fmt.Sprintf("-j%d", runtime.NumCPU()), "modules")
	cmd.Env = append(cmd.Env, compileEnv...)
	if err := cmd.Run(); err != nil {
		return err
	}
	return writeArchive(filepath.Join(r.image, variantFile(v)), func(w *cpioWriter) error {
		return addZFS(ctx, w, log, source, v)
	})
}

func (r *recipeRun) buildStock(ctx context.Context, log io.Writer) error {
	source, err := r.source()
	if err != nil {
		return err
	}
	return r.makeModules(ctx, log, source, Stock)
}

const (
	// The header that defines the macro which lets the sending thread write by itself, and the line that guards it.
	largeStacksHeader = "include/os/linux/zfs/sys/zfs_context_os.h"
	largeStacksGuard  = "#if THREAD_SIZE >= 16384"
	largeStacksMacro  = "HAVE_LARGE_STACKS"
)

// buildTaskQ builds the modules again without large stacks. All files include the header but few look at the macro, so
// only these are marked as changed: 5 seconds in place of a minute.
func (r *recipeRun) buildTaskQ(ctx context.Context, log io.Writer) error {
	source, err := r.source()
	if err != nil {
		return err
	}
	header := filepath.Join(source, largeStacksHeader)
	st, err := os.Stat(header)
	if err != nil {
		return err
	}
	if err := replaceOnce(header, largeStacksGuard+"\n", "#if 0\n"); err != nil {
		return err
	}
	if err := os.Chtimes(header, st.ModTime(), st.ModTime()); err != nil {
		return err
	}
	users, err := filesWith(source, largeStacksMacro, header)
	if err != nil {
		return err
	}
	for _, file := range users {
		if filepath.Ext(file) != ".c" {
			return fmt.Errorf("find users of %s: %s is no C source", largeStacksMacro, file)
		}
		if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
			return err
		}
	}
	return r.makeModules(ctx, log, source, TaskQ)
}

func (r *recipeRun) writeBase(ctx context.Context, log io.Writer) error {
	kernel := filepath.Join(r.root(), "boot/vmlinuz-"+r.versions.Kernel)
	if err := copyFile(filepath.Join(r.image, kernelFile), kernel); err != nil {
		return err
	}
	return writeArchive(filepath.Join(r.image, baseFile), func(w *cpioWriter) error {
		return addBase(ctx, w, log, r.root(), r.versions.Kernel)
	})
}

// replaceOnce replaces old, which must occur exactly once in file.
func replaceOnce(file, old, new string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(data), old); n != 1 {
		return fmt.Errorf("edit %s: %q occurs %d times, not once", file, old, n)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(data), old, new, 1)), 0o644)
}

// filesWith returns the C files and headers of the source that contain word, without the file except.
func filesWith(source, word, except string) ([]string, error) {
	var found []string
	for _, dir := range []string{"include", "module"} {
		err := filepath.WalkDir(filepath.Join(source, dir), func(p string, e os.DirEntry, err error) error {
			ext := filepath.Ext(p)
			if err != nil || e.IsDir() || p == except || ext != ".c" && ext != ".h" {
				return err
			}
			data, err := os.ReadFile(p)
			if err == nil && strings.Contains(string(data), word) && !strings.HasSuffix(p, ".mod.c") {
				found = append(found, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
