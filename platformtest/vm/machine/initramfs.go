package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// taskqSymbol is the function of zfs.ko that is a symbol of its own only where sends go through the task queue. With
// large stacks the compiler inlines it.
const taskqSymbol = "dump_bytes_cb"

var (
	// guestDrivers are the kernel modules that are loaded first: the channels between guest and host.
	guestDrivers = []string{"virtio_pci", "virtio_console"}
	// guestModules are those that modprobe loads when they are asked for, by name or through a device.
	guestModules = []string{"virtio_blk", "loop", "dm_mod", "dm_delay", "dm_flakey", "dm_log_writes", "dm_zero"}

	// guestPackages are the Debian packages with the guest's programs and all their libraries but ZFS's own.
	guestPackages = []string{
		"busybox-static", "zfsutils-linux", "zfs-test", "dmsetup", "sudo", "opendoas", "libpam-modules",
		"libc6", "libgcc-s1", "libblkid1", "libuuid1", "libudev1", "libssl3", "zlib1g",
		"libtirpc3", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libcom-err2", "libkrb5support0", "libkeyutils1",
		"libdevmapper1.02.1", "libselinux1", "libpcre2-8-0", "libpam0g", "libaudit1", "libcap-ng0",
	}
	// guestFiles are the programs and plug-ins that go into the guest, by their path there.
	guestFiles = []string{
		"sbin/zfs", "sbin/zpool", "sbin/zdb", "sbin/zstream", "sbin/mount.zfs", "sbin/zinject", "sbin/dmsetup",
		"usr/libexec/sudo/sudoers.so", "lib/x86_64-linux-gnu/security/pam_permit.so",
	}
	// guestSetuid are the programs that run as root whoever starts them.
	guestSetuid = []string{"bin/sudo", "bin/doas"}
	// dlopened are libraries that no ELF header names: glibc opens this one for pthread_cancel.
	dlopened = []string{"libgcc_s.so.1"}
)

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

// addFile adds the host's file to w as guest, with its permissions and those in more.
func addFile(w *cpioWriter, guest, host string, more fs.FileMode) error {
	f, err := os.Open(host)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return w.File(guest, st.Mode()|more, st.Size(), f)
}

// addBase adds what every run has: busybox, the ZFS commands and others with their libraries, and drivers.
func addBase(ctx context.Context, w *cpioWriter, log io.Writer, root, kernel string) error {
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
	if err := addBusybox(ctx, w, log, root); err != nil {
		return err
	}
	if err := addPrograms(w, root); err != nil {
		return err
	}
	return addDrivers(ctx, w, log, root, kernel)
}

func addBusybox(ctx context.Context, w *cpioWriter, log io.Writer, root string) error {
	busybox, err := inPackages(root, "bin/busybox")
	if err != nil {
		return err
	}
	busybox = filepath.Join(root, busybox)
	cmd := command(ctx, log, root, busybox, "--list")
	cmd.Stdout = nil
	applets, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list the commands of busybox: %w", err)
	}
	if err := addFile(w, "bin/busybox", busybox, 0); err != nil {
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

func addPrograms(w *cpioWriter, root string) error {
	var found []string
	for _, name := range slices.Concat(guestFiles, guestSetuid) {
		file, err := inPackages(root, name)
		if err != nil {
			return err
		}
		found = append(found, file)
		var more fs.FileMode
		if slices.Contains(guestSetuid, name) {
			more = fs.ModeSetuid // which an unpacking by an ordinary user drops
		}
		if err := addFile(w, name, filepath.Join(root, file), more); err != nil {
			return err
		}
	}
	libraries, err := libraryClosure(root, found, dlopened)
	if err != nil {
		return err
	}
	const loader = "ld-linux-x86-64.so.2" // programs name it by its full path
	file, err := inPackages(root, "lib64/"+loader)
	if err != nil {
		return err
	}
	if err := addFile(w, "lib64/"+loader, filepath.Join(root, file), 0); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		if name == loader {
			continue
		}
		if err := addFile(w, "lib/x86_64-linux-gnu/"+name, filepath.Join(root, libraries[name]), 0); err != nil {
			return err
		}
	}
	return nil
}

// inPackages returns where the unpacked packages have a file: newer ones keep below /usr what older ones had outside.
func inPackages(root, name string) (string, error) {
	for _, file := range []string{name, filepath.Join("usr", name)} {
		if _, err := os.Stat(filepath.Join(root, file)); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("find %s: not in any of the unpacked packages", name)
}

func addDrivers(ctx context.Context, w *cpioWriter, log io.Writer, root, kernel string) error {
	tree := filepath.Join(root, "lib/modules", kernel)
	drivers := map[string]kernelModule{}
	for _, dir := range []string{"virtio", "char", "block", "md"} {
		found, err := findModules(filepath.Join(tree, "kernel/drivers", dir))
		if err != nil {
			return err
		}
		maps.Copy(drivers, found)
	}
	present, err := readBuiltin(filepath.Join(tree, "modules.builtin"))
	if err != nil {
		return err
	}
	first, err := loadOrder(drivers, present, guestDrivers)
	if err != nil {
		return err
	}
	if err := addModules(ctx, w, log, "modules/base", first); err != nil {
		return err
	}
	for _, m := range first {
		present[m.name] = true
	}
	others, err := loadOrder(drivers, present, guestModules)
	if err != nil {
		return err
	}
	dir := "lib/modules/" + kernel
	if err := addModules(ctx, w, log, dir, others); err != nil {
		return err
	}
	depends, aliases := moduleIndex(others, present)
	return errors.Join(w.Bytes(dir+"/modules.dep", 0o644, depends), w.Bytes(dir+"/modules.alias", 0o644, aliases))
}

// moduleIndex returns the content of modules.dep and modules.alias, in which modprobe looks. What is present when it
// is called is left out of the dependencies.
func moduleIndex(modules []kernelModule, present map[string]bool) (depends, aliases string) {
	var dep, alias strings.Builder
	for _, m := range modules {
		dep.WriteString(m.name + ".ko:")
		for _, d := range m.depends {
			if !present[d] {
				dep.WriteString(" " + d + ".ko")
			}
		}
		dep.WriteString("\n")
		for _, a := range m.aliases {
			alias.WriteString("alias " + a + " " + m.name + "\n")
		}
	}
	return dep.String(), alias.String()
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
		if err := addFile(w, dir+"/"+name, file, 0); err != nil {
			return err
		}
		fmt.Fprintln(&order, name)
	}
	return w.Bytes(dir+"/order", 0o644, order.String())
}

// addZFS adds the modules that were built in source, after checking that they are of the variant.
func addZFS(ctx context.Context, w *cpioWriter, log io.Writer, source string, v Variant) error {
	modules, err := findModules(filepath.Join(source, "module"))
	if err != nil {
		return err
	}
	order, err := loadOrder(modules, nil, []string{"zfs"})
	if err != nil {
		return err
	}
	taskq, err := hasSymbol(modules["zfs"].file, taskqSymbol)
	if err != nil {
		return err
	}
	if taskq != (v == TaskQ) {
		return fmt.Errorf("check the %s module: symbol %s: present is %t", v, taskqSymbol, taskq)
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
