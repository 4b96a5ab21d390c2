package machine

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of an image. A run's initramfs is base, then one variant's modules, then what belongs to the run: the
// kernel unpacks archives that follow each other. A guest holds one set of modules only, so it can't load the other.
const (
	kernelFile   = "vmlinuz"
	baseFile     = "base.cpio"
	manifestFile = "manifest.json"
)

func variantFile(v Variant) string { return "zfs-" + string(v) + ".cpio" }

// guestDrivers are the kernel modules for the channels between guest and host.
var guestDrivers = []string{"virtio_pci", "virtio_console"}

// writeArchive writes a cpio archive with the entries that fill adds.
func writeArchive(file string, fill func(*cpioWriter) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := newCPIOWriter(f)
	if err := fill(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}

// addFile adds the host's file to w as guest.
func addFile(w *cpioWriter, guest, host string) error {
	f, err := os.Open(host)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return w.File(guest, st.Mode(), st.Size(), f)
}

// addBase adds what every run has: busybox, the ZFS commands with their libraries, drivers and a little configuration.
func addBase(ctx context.Context, w *cpioWriter, log io.Writer, root string, l line, kernel string) error {
	for _, d := range []string{"dev", "proc", "sys", "tmp", "run", "out", "mnt", "root", "var", "sbin", "payload"} {
		if err := w.Dir(d, 0o755); err != nil {
			return err
		}
	}
	// Debian's own layout. The kernel's ZFS module calls /usr/bin/env and mount to mount snapshots.
	for _, link := range [][2]string{{"usr/bin", "../bin"}, {"usr/sbin", "../sbin"}, {"usr/lib", "../lib"},
		{"var/run", "../run"}, {"var/tmp", "../tmp"}, {"etc/mtab", "/proc/mounts"}} {
		if err := w.Symlink(link[0], link[1]); err != nil {
			return err
		}
	}
	for _, file := range [][2]string{
		{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"},
		{"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
		{"etc/hosts", "127.0.0.1 localhost zfsvm\n::1 localhost\n"},
		{"etc/hostname", "zfsvm\n"},
	} {
		if err := w.Bytes(file[0], 0o644, file[1]); err != nil {
			return err
		}
	}
	if err := addBusybox(ctx, w, log, root); err != nil {
		return err
	}
	if err := addTools(w, root, l); err != nil {
		return err
	}
	return addDrivers(ctx, w, log, root, kernel)
}

func addBusybox(ctx context.Context, w *cpioWriter, log io.Writer, root string) error {
	busybox := filepath.Join(root, "bin/busybox")
	cmd := command(ctx, log, root, busybox, "--list")
	cmd.Stdout = nil
	applets, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list the commands of busybox: %w", err)
	}
	if err := addFile(w, "bin/busybox", busybox); err != nil {
		return err
	}
	for _, a := range strings.Fields(string(applets)) {
		if a == "busybox" {
			continue
		}
		if err := w.Symlink("bin/"+a, "busybox"); err != nil {
			return err
		}
	}
	return nil
}

func addTools(w *cpioWriter, root string, l line) error {
	for _, t := range l.tools {
		if err := addFile(w, t, filepath.Join(root, t)); err != nil {
			return err
		}
	}
	libraries, err := libraryClosure(root, l.tools, l.dlopened)
	if err != nil {
		return err
	}
	const loader = "ld-linux-x86-64.so.2" // programs name it by its full path
	if err := addFile(w, "lib64/"+loader, filepath.Join(root, "lib64", loader)); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		if name == loader {
			continue
		}
		if err := addFile(w, "lib/x86_64-linux-gnu/"+name, filepath.Join(root, libraries[name])); err != nil {
			return err
		}
	}
	return nil
}

func addDrivers(ctx context.Context, w *cpioWriter, log io.Writer, root, kernel string) error {
	tree := filepath.Join(root, "lib/modules", kernel)
	drivers := map[string]kernelModule{}
	for _, dir := range []string{"virtio", "char"} {
		found, err := findModules(filepath.Join(tree, "kernel/drivers", dir))
		if err != nil {
			return err
		}
		maps.Copy(drivers, found)
	}
	builtin, err := readBuiltin(filepath.Join(tree, "modules.builtin"))
	if err != nil {
		return err
	}
	order, err := loadOrder(drivers, builtin, guestDrivers)
	if err != nil {
		return err
	}
	return addModules(ctx, w, log, "modules/base", order)
}

// readBuiltin reads the kernel's list of modules that are linked into it.
func readBuiltin(file string) (map[string]bool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	builtin := map[string]bool{}
	for row := range strings.Lines(string(data)) {
		name := strings.TrimSuffix(filepath.Base(strings.TrimSpace(row)), ".ko")
		builtin[strings.ReplaceAll(name, "-", "_")] = true
	}
	return builtin, nil
}

// addModules adds the modules without debug information, and "order", which names them in the order to load them.
func addModules(ctx context.Context, w *cpioWriter, log io.Writer, dir string, modules []kernelModule) error {
	stripped, err := os.MkdirTemp("", "spanstack-modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stripped)
	var order strings.Builder
	for _, m := range modules {
		name := m.name + ".ko"
		file := filepath.Join(stripped, name)
		if err := command(ctx, log, "", "strip", "--strip-debug", "-o", file, m.file).Run(); err != nil {
			return fmt.Errorf("strip %s: %w", m.file, err)
		}
		if err := addFile(w, dir+"/"+name, file); err != nil {
			return err
		}
		fmt.Fprintln(&order, name)
	}
	return w.Bytes(dir+"/order", 0o644, order.String())
}

// addZFS adds the modules that were built in source, after checking that they are of the variant.
func addZFS(ctx context.Context, w *cpioWriter, log io.Writer, source string, l line, v Variant) error {
	modules, err := findModules(filepath.Join(source, "module"))
	if err != nil {
		return err
	}
	order, err := loadOrder(modules, nil, []string{"zfs"})
	if err != nil {
		return err
	}
	taskq, err := hasSymbol(modules["zfs"].file, l.taskqSymbol)
	if err != nil {
		return err
	}
	if taskq != (v == TaskQ) {
		return fmt.Errorf("check the %s module: symbol %s: present is %t", v, l.taskqSymbol, taskq)
	}
	return addModules(ctx, w, log, "modules/zfs", order)
}

// copyFile copies the host's file from to the new file to.
func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Close()
}
