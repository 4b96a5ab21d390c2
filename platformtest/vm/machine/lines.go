package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Variant is one build of the ZFS kernel module.
type Variant string

const (
	// Stock is the module as Debian's source builds it. The thread that runs zfs send writes to the pipe itself, so a
	// signal ends it.
	Stock Variant = "stock"
	// TaskQ is the same source built without HAVE_LARGE_STACKS, as on kernels with 8 KiB stacks. A send is then
	// written by a kernel task queue, and the sending thread waits for it uninterruptibly (openzfs#12500).
	TaskQ Variant = "taskq"
)

// Variants lists every variant. An [Image] holds all of them.
func Variants() []Variant { return []Variant{Stock, TaskQ} }

// ParseVariant returns the variant called name.
func ParseVariant(name string) (Variant, error) {
	if v := Variant(name); slices.Contains(Variants(), v) {
		return v, nil
	}
	return "", fmt.Errorf("parse variant %q: want stock or taskq", name)
}

// DefaultLine is the ZFS release line that is built when none is named: the one of Debian 12 itself.
const DefaultLine = "2.1"

// A line is a ZFS release line that this recipe can build. What differs between lines is in this table; what they
// share is in the recipe. A line from Debian's backports needs its suite here and a pin in openArchive.
type line struct {
	name      string   // version prefix, without the last part: "2.1"
	packages  []string // Debian packages with the source and the commands
	libraries []string // Debian packages with the libraries which the commands need
	tools     []string // commands that go into the guest, as paths in the packages
	dlopened  []string // libraries that no ELF header names, because they are opened at run time
	// taskqSymbol is the function which is a symbol of its own in zfs.ko only where sends go through the task queue.
	// With large stacks the compiler inlines it.
	taskqSymbol string
	// The durations that the steps took on 2 idle cores, for progress reports.
	configure, modules time.Duration
}

var lines = []line{{
	name:     "2.1",
	packages: []string{"zfs-dkms", "zfsutils-linux"},
	libraries: []string{
		"libnvpair3linux", "libuutil3linux", "libzfs4linux", "libzpool5linux",
		"libblkid1", "libuuid1", "libudev1", "libtirpc3", "libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libcom-err2",
		"libkrb5support0", "libkeyutils1", "libssl3", "zlib1g", "libc6", "libgcc-s1",
	},
	tools:       []string{"sbin/zfs", "sbin/zpool", "sbin/zdb", "sbin/zstream", "sbin/mount.zfs"},
	dlopened:    []string{"libgcc_s.so.1"}, // by glibc, for pthread_cancel
	taskqSymbol: "dump_bytes_cb",
	configure:   65 * time.Second,
	modules:     75 * time.Second,
}}

func findLine(name string) (line, error) {
	if name == "" {
		name = DefaultLine
	}
	var known []string
	for _, l := range lines {
		if l.name == name {
			return l, nil
		}
		known = append(known, l.name)
	}
	return line{}, fmt.Errorf("find ZFS line %q: known lines are %s", name, strings.Join(known, ", "))
}
