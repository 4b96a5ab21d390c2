package zfsmodel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// when says when a property may be set.
type when int

const (
	never        when = iota // it is a fact
	settableOnce             // at creation
	settable                 // always
)

// property is one of the native ones.
type property struct {
	name      string
	fallback  string // the default; "" if it has none
	set       when
	inherited bool
	kinds     string   // what has it: filesystem, volume, snapshot, bookmark, by their first letters
	values    []string // nil: anything
	size      bool     // a number of bytes, or "none"
}

var onOff = []string{"on", "off"}

var compressions = []string{"on", "off", "lzjb", "gzip", "zle", "lz4", "zstd"}

// defaultVolBlock is the default of volblocksize.
const defaultVolBlock = 8192

// properties are the native ones that the model knows, in zfs's own order.
var properties = []property{
	{name: "type", kinds: "fvsb"},
	{name: "creation", kinds: "fvsb"},
	{name: "used", kinds: "fvs", size: true},
	{name: "available", kinds: "fv", size: true},
	{name: "referenced", kinds: "fvsb", size: true},
	{name: "compressratio", kinds: "fvs"},
	{name: "mounted", kinds: "f"},
	{name: "origin", kinds: "fv"},
	{name: "quota", fallback: "0", set: settable, kinds: "f", size: true},
	{name: "reservation", fallback: "0", set: settable, kinds: "fv", size: true},
	{name: "volsize", set: settable, kinds: "vs", size: true},
	{name: "volblocksize", fallback: "8192", set: settableOnce, kinds: "v", size: true},
	{name: "recordsize", fallback: "131072", set: settable, inherited: true, kinds: "f", size: true},
	{name: "mountpoint", fallback: "/", set: settable, inherited: true, kinds: "f"},
	{name: "checksum", fallback: "on", set: settable, inherited: true, kinds: "fv"},
	{name: "compression", fallback: "off", set: settable, inherited: true, kinds: "fv", values: compressions},
	{name: "atime", fallback: "on", set: settable, inherited: true, kinds: "f", values: onOff},
	{name: "devices", fallback: "on", set: settable, inherited: true, kinds: "fs", values: onOff},
	{name: "exec", fallback: "on", set: settable, inherited: true, kinds: "fs", values: onOff},
	{name: "setuid", fallback: "on", set: settable, inherited: true, kinds: "fs", values: onOff},
	{name: "readonly", fallback: "off", set: settable, inherited: true, kinds: "fv", values: onOff},
	{name: "snapdir", fallback: "hidden", set: settable, inherited: true, kinds: "f", values: []string{"hidden", "visible"}},
	{name: "createtxg", kinds: "fvsb"},
	{name: "canmount", fallback: "on", set: settable, kinds: "f", values: []string{"on", "off", "noauto"}},
	{name: "guid", kinds: "fvsb"},
	{name: "objsetid", kinds: "fvs"},
	{name: "userrefs", kinds: "s"},
	{name: "written", kinds: "fvs", size: true},
	{name: "defer_destroy", kinds: "s"},
	{name: "refquota", fallback: "0", set: settable, kinds: "f", size: true},
	{name: "refreservation", fallback: "0", set: settable, kinds: "fv", size: true},
	{name: "logicalused", kinds: "fv", size: true},
	{name: "logicalreferenced", kinds: "fvsb", size: true},
	{name: "snapdev", fallback: "hidden", set: settable, inherited: true, kinds: "fv", values: []string{"hidden", "visible"}},
	{name: "sync", fallback: "standard", set: settable, inherited: true, kinds: "fv", values: []string{"standard", "always", "disabled"}},
	{name: "receive_resume_token", kinds: "fv"},
	{name: "encryption", fallback: "off", set: settableOnce, kinds: "fvs"},
	{name: "keylocation", fallback: "none", set: settable, kinds: "fv"},
	{name: "keyformat", fallback: "none", set: settableOnce, kinds: "fv"},
	{name: "pbkdf2iters", fallback: "0", set: settableOnce, kinds: "fv"},
	{name: "encryptionroot", kinds: "fvs"},
	{name: "keystatus", kinds: "fvs"},
}

func native(name string) *property {
	if i := slices.IndexFunc(properties, func(p property) bool { return p.name == name }); i >= 0 {
		return &properties[i]
	}
	return nil
}

// isUser reports whether a property is one of the users'.
func isUser(name string) bool { return strings.Contains(name, ":") }

// checkProperty says why a property can't be set.
func checkProperty(name, value string, at when) error {
	if isUser(name) {
		return nil
	}
	p := native(name)
	switch {
	case p == nil:
		return fmt.Errorf("invalid property '%s'", name)
	case p.set == never || p.set < at:
		return fmt.Errorf("'%s' is readonly", name)
	case p.values != nil && !slices.Contains(p.values, value):
		return fmt.Errorf("'%s' must be one of '%s'", name, strings.Join(p.values, " | "))
	case p.size && value != "none":
		n, err := parseSize(value)
		if err != nil {
			return fmt.Errorf("bad numeric value '%s'", value)
		}
		if name == "recordsize" && (n < 512 || n > 1<<20 || n&(n-1) != 0) {
			return fmt.Errorf("'%s' must be power of 2 from 512B to 1M", name)
		}
	}
	return nil
}

// stored returns values in the form in which they are kept.
func stored(props map[string]string) map[string]string {
	list := make(map[string]string)
	for name, value := range props {
		if p := native(name); p != nil && p.size {
			value = plainSize(value)
		}
		list[name] = value
	}
	return list
}

func plainSize(value string) string {
	if value == "none" {
		return "0"
	}
	n, _ := parseSize(value) // it was checked
	return strconv.FormatInt(n, 10)
}

// parseSize parses a number of bytes such as "4M".
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "BbKkMmGg")
	n, err := strconv.ParseInt(digits, 10, 64)
	for _, unit := range strings.ToUpper(s[len(digits):]) {
		n <<= map[rune]int{'B': 0, 'K': 10, 'M': 20, 'G': 30}[unit]
	}
	return n, err
}

// property returns the value of a property and its source: "local", "default", "received", "inherited from ...", or "-"
// for facts, and for what the object doesn't have, whose value is "-".
func (st *state) property(name, property string) (value, source string) {
	d, dataset, version := st.lookup(name)
	kind := d.kind(version)
	p := native(property)
	if p != nil && !strings.Contains(p.kinds, kind[:1]) {
		return "-", "-"
	}
	if version != "" && version[0] == '#' {
		return d.bookmark(version[1:]).fact(property), "-"
	}
	if version != "" {
		s := d.snapshot(version[1:])
		if v, ok := s.Local[property]; ok {
			return v, "local"
		}
		if v, ok := s.fact(property); ok {
			return v, "-"
		}
		if v, source, ok := st.crypt(dataset, property); ok {
			if property == "keyformat" {
				return "-", "-"
			}
			return v, source
		}
		value, source = st.inheritedProperty(dataset, property, p == nil)
		if source == "local" || source == "received" {
			source = "inherited from " + dataset
		}
		return value, source
	}
	if v, ok := st.fact(dataset, d, property); ok {
		return v, "-"
	}
	if v, source, ok := st.crypt(dataset, property); ok {
		return v, source
	}
	return st.inheritedProperty(dataset, property, p == nil || p.inherited)
}

// inheritedProperty looks for the value of a property in a dataset and, if it is one that is inherited, those above.
func (st *state) inheritedProperty(dataset, property string, inherited bool) (value, source string) {
	for name := dataset; name != ""; name = parent(name) {
		d := st.Datasets[name]
		value, ok := d.Local[property]
		source := "local"
		if !ok && !d.Masked[property] {
			value, ok = d.Received[property]
			source = "received"
		}
		if ok {
			if property == "mountpoint" && name != dataset && strings.HasPrefix(value, "/") {
				value = strings.TrimSuffix(value, "/") + strings.TrimPrefix(dataset, name)
			}
			if name != dataset {
				source = "inherited from " + name
			}
			return value, source
		}
		if !inherited {
			break
		}
	}
	if p := native(property); p != nil && p.fallback != "" {
		if property == "mountpoint" {
			return "/" + dataset, "default"
		}
		return p.fallback, "default"
	}
	return "-", "-"
}

// kind returns the type of a dataset, or of its version.
func (d *dataset) kind(version string) string {
	switch {
	case strings.HasPrefix(version, "@"):
		return "snapshot"
	case strings.HasPrefix(version, "#"):
		return "bookmark"
	case d.Volume:
		return "volume"
	}
	return "filesystem"
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// fact returns a property that is no setting.
func (st *state) fact(name string, d *dataset, property string) (string, bool) {
	switch property {
	case "type":
		return d.kind(""), true
	case "creation":
		return itoa(d.Creation), true
	case "createtxg":
		return utoa(d.CreateTXG), true
	case "guid":
		return utoa(d.GUID), true
	case "objsetid":
		return utoa(d.ObjsetID), true
	case "used", "logicalused":
		return itoa(st.used(name)), true
	case "referenced", "logicalreferenced":
		return itoa(d.Objects.bytes(make(map[string]bool))), true
	case "available":
		return itoa(st.available(name)), true
	case "written":
		return itoa(st.written(d)), true
	case "compressratio":
		return "1.00", true
	case "mounted":
		return map[bool]string{true: "yes", false: "no"}[d.Mounted], true
	case "origin":
		if name, s := st.origin(d); s != nil {
			return name, true
		}
		return "-", true
	case "receive_resume_token":
		return st.token(d), true
	}
	return "", false
}

// emptyDataset is what a dataset without contents takes, in bytes.
const emptyDataset = 24 << 10

// writtenToClone is what is written to a clone when it is made.
const writtenToClone = 1024

// written returns how much was written to a dataset since its newest snapshot, or since its origin if it is a clone, in bytes.
// It is zero if and only if there is a snapshot and nothing was.
func (st *state) written(d *dataset) int64 {
	since := uint64(0)
	if s := d.newest(); s != nil {
		since = s.CreateTXG
	} else if _, origin := st.origin(d); origin != nil {
		return writtenToClone + d.Objects.writtenSince(origin.CreateTXG)
	}
	if since > 0 && d.Changed <= since {
		return 0
	}
	return emptyDataset + d.Objects.writtenSince(since)
}

// unlimited is how much space a pool has.
const unlimited = 1 << 40

// available returns how much space the quotas leave, in bytes.
func (st *state) available(name string) int64 {
	left := int64(unlimited)
	for ; name != ""; name = parent(name) {
		for _, property := range []string{"quota", "refquota"} {
			d := st.Datasets[name]
			if d == nil || d.Local[property] == "" {
				continue
			}
			if quota, _ := parseSize(d.Local[property]); quota > 0 {
				left = min(left, quota-st.used(name))
			}
		}
	}
	return max(left, 0)
}

func (s *snapshot) fact(property string) (string, bool) {
	switch property {
	case "type":
		return "snapshot", true
	case "creation":
		return itoa(s.Creation), true
	case "createtxg":
		return utoa(s.CreateTXG), true
	case "guid":
		return utoa(s.GUID), true
	case "objsetid":
		return utoa(s.ObjsetID), true
	case "userrefs":
		return strconv.Itoa(len(s.Holds)), true
	case "defer_destroy":
		return map[bool]string{true: "on", false: "off"}[s.Defer], true
	case "volsize":
		if s.VolSize == "" {
			return "-", true
		}
		return s.VolSize, true
	case "used", "written":
		return "0", true
	case "compressratio":
		return "1.00", true
	case "referenced", "logicalreferenced":
		return itoa(s.Objects.bytes(make(map[string]bool))), true
	}
	return "", false
}

func (b *bookmark) fact(property string) string {
	switch property {
	case "type":
		return "bookmark"
	case "creation":
		return itoa(b.Creation)
	case "createtxg":
		return utoa(b.CreateTXG)
	case "guid":
		return utoa(b.GUID)
	case "referenced", "logicalreferenced":
		return "0"
	}
	return "-"
}

// human returns a value as zfs shows it without -p.
func human(property, value string) string {
	p := native(property)
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case p == nil || err != nil:
		return value
	case property == "creation":
		return time.Unix(n, 0).Format("Mon Jan _2 15:04 2006")
	case p.size && n == 0 && p.set == settable:
		return "none"
	case p.size:
		return humanSize(n)
	}
	return value
}

// humanSize returns a size with three digits and a unit.
func humanSize(n int64) string {
	if n < 1024 {
		return itoa(n) + "B"
	}
	f, unit := float64(n), 0
	for f >= 1024 && unit < len("KMGT") {
		f, unit = f/1024, unit+1
	}
	digits := 2
	if f >= 100 || f == float64(int64(f)) {
		digits = 0
	} else if f >= 10 {
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + "BKMGT"[unit:unit+1]
}
