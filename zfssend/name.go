package zfssend

import (
	"fmt"
	"strings"
)

// Name is the parsed name of a dataset, snapshot or bookmark.
type Name struct {
	Dataset string // "tank/home"
	Sigil   byte   // '@' of a snapshot, '#' of a bookmark, 0 of a dataset
	Version string // what follows the sigil
}

// String returns the name as zfs writes it.
func (n Name) String() string {
	if n.Sigil == 0 {
		return n.Dataset
	}
	return n.Dataset + string(n.Sigil) + n.Version
}

// Pool returns the name's first component.
func (n Name) Pool() string {
	pool, _, _ := strings.Cut(n.Dataset, "/")
	return pool
}

// Parent returns the dataset above; "" for that of a pool.
func (n Name) Parent() string {
	i := strings.LastIndexByte(n.Dataset, '/')
	return n.Dataset[:max(i, 0)]
}

// NameError says why a text isn't the name of a dataset, snapshot or bookmark.
type NameError struct {
	Name   string
	Reason string
}

// Error implements error.
func (e *NameError) Error() string { return fmt.Sprintf("invalid name %q: %s", e.Name, e.Reason) }

// maxName is ZFS_MAX_DATASET_NAME_LEN of OpenZFS's sys/fs/zfs.h without the terminating zero, in bytes.
const maxName = 255

// ParseName parses the name of a dataset ("tank/home"), snapshot ("tank/home@mon") or bookmark ("tank/home#mon").
// It accepts what OpenZFS's entity_namecheck does (module/zcommon/zfs_namecheck.c), spaces included. An accepted name
// begins with a letter, so it can't be taken for an option. The error is a *[NameError].
func ParseName(s string) (Name, error) {
	fail := func(format string, args ...any) (Name, error) {
		return Name{}, &NameError{Name: s, Reason: fmt.Sprintf(format, args...)}
	}
	if len(s) > maxName {
		return fail("%d bytes are more than the %d that zfs allows", len(s), maxName)
	}
	n := Name{Dataset: s}
	if i := strings.IndexAny(s, "@#"); i >= 0 {
		n = Name{Dataset: s[:i], Sigil: s[i], Version: s[i+1:]}
		if reason := checkComponent(n.Version); reason != "" {
			return fail("after the %c %s", n.Sigil, reason)
		}
	}
	for component := range strings.SplitSeq(n.Dataset, "/") {
		if reason := checkComponent(component); reason != "" {
			return fail("%s", reason)
		}
	}
	if c := n.Dataset[0] | 0x20; c < 'a' || c > 'z' {
		return fail("it must begin with a letter")
	}
	return n, nil
}

// checkComponent returns what is wrong with a part of a name.
func checkComponent(s string) string {
	switch s {
	case "":
		return "a part is empty"
	case ".", "..":
		return fmt.Sprintf("%q is no part of a name", s)
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("-_.: ", r):
		default:
			return fmt.Sprintf("%q is not allowed", r)
		}
	}
	return ""
}

// parse is ParseName for a name that must have one of these sigils; 0 stands for a dataset's.
func parse(s string, sigils ...byte) (Name, error) {
	n, err := ParseName(s)
	if err != nil {
		return n, err
	}
	for _, sigil := range sigils {
		if n.Sigil == sigil {
			return n, nil
		}
	}
	want := map[byte]string{0: "dataset", '@': "snapshot", '#': "bookmark"}
	return n, &NameError{Name: s, Reason: "it is the name of a " + want[n.Sigil] + ", where that of a " + want[sigils[0]] + " is needed"}
}
