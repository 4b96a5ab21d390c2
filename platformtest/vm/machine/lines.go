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

// Lines returns the names of the ZFS release lines that [Build] can make, oldest first.
func Lines() []string {
	var names []string
	for _, l := range lines {
		names = append(names, l.name)
	}
	return names
}

// ParseLine returns the name of the release line called name; "" is [DefaultLine].
func ParseLine(name string) (string, error) {
	l, err := findLine(name)
	return l.name, err
}

// A line is a ZFS release line that this recipe can build. What differs between lines is in this table; what they
// share is in the recipe. All lines have Debian 12's kernel.
type line struct {
	name string // version prefix, without the last part: "2.1"; of the versions in reach the newest is taken
	// borrowed are the suites besides Debian 12's own that packages come from: the named ones, and ZFS in its version.
	borrowed []suite
	// libraries are the Debian packages with the ZFS libraries.
	libraries []string
	// The durations that the steps took on 2 idle cores, for progress reports.
	configure, modules time.Duration
}

// A suite is a part of Debian's archive, with the packages that are taken from it.
type suite struct {
	name     string // code name
	packages []string
}

var lines = []line{{
	name:      "2.1",
	libraries: []string{"libnvpair3linux", "libuutil3linux", "libzfs4linux", "libzpool5linux"},
	configure: 65 * time.Second,
	modules:   75 * time.Second,
}, {
	name:      "2.3",
	borrowed:  []suite{{name: "bookworm-backports"}},
	libraries: []string{"libnvpair3linux", "libuutil3linux", "libzfs6linux", "libzpool6linux"},
	configure: 80 * time.Second,
	modules:   100 * time.Second,
}, {
	name: "2.4",
	// Its commands are linked against a newer C library, on which Debian 12's programs run as well.
	borrowed:  []suite{{name: "trixie", packages: []string{"libc6"}}, {name: "trixie-backports"}},
	libraries: []string{"libnvpair3linux", "libuutil3linux", "libzfs7linux", "libzpool7linux"},
	configure: 80 * time.Second,
	modules:   110 * time.Second,
}}

func findLine(name string) (line, error) {
	if name == "" {
		name = DefaultLine
	}
	for _, l := range lines {
		if l.name == name {
			return l, nil
		}
	}
	return line{}, fmt.Errorf("find ZFS line %q: known lines are %s", name, strings.Join(Lines(), ", "))
}
