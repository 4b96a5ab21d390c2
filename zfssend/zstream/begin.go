package zstream

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Features says what a receiver must understand of a stream: bits of drr_versioninfo (DMU_BACKUP_FEATURE_...).
type Features uint32

// The features, with OpenZFS's numbers. Those from LongName on are new in 2.3.
const (
	FeatureDedup               Features = 1 << 0  // WRITE_BYREF records; written until 0.8
	FeatureDedupProps          Features = 1 << 1  // as FeatureDedup
	FeatureSASpill             Features = 1 << 2  // system attributes, SPILL records
	FeatureEmbedData           Features = 1 << 16 // WRITE_EMBEDDED records (zfs send -e)
	FeatureLZ4                 Features = 1 << 17 // embedded or compressed data need LZ4
	FeatureLargeBlocks         Features = 1 << 19 // blocks over 128 KiB (-L)
	FeatureResuming            Features = 1 << 20 // begins in the middle of a snapshot (-t)
	FeatureRedacted            Features = 1 << 21 // REDACT records (--redact)
	FeatureCompressed          Features = 1 << 22 // blocks as they are compressed on disk (-c)
	FeatureLargeDnode          Features = 1 << 23 // objects that take several dnode slots
	FeatureRaw                 Features = 1 << 24 // blocks as they are encrypted on disk (-w)
	FeatureZstd                Features = 1 << 25 // embedded or compressed data need Zstandard
	FeatureHolds               Features = 1 << 26 // the package lists holds (-h)
	FeatureSwitchToLargeBlocks Features = 1 << 27 // large blocks after an increment without; written by none so far
	FeatureLongName            Features = 1 << 28 // file names over 255 bytes
	FeatureLargeMicrozap       Features = 1 << 29 // microzaps over 128 KiB
)

// featureNames are those of bits that have one.
var featureNames = [32]string{0: "dedup", 1: "dedupprops", 2: "sa_spill", 16: "embed_data", 17: "lz4", 19: "large_blocks", 20: "resuming",
	21: "redacted", 22: "compressed", 23: "large_dnode", 24: "raw", 25: "zstd", 26: "holds", 27: "switch_to_large_blocks", 28: "longname",
	29: "large_microzap"}

// Has tells whether all of these features are there.
func (f Features) Has(all Features) bool { return f&all == all }

// Unknown returns the features that have no name here.
func (f Features) Unknown() (unknown Features) {
	for rest := f; rest != 0; rest &= rest - 1 {
		if bit := bits.TrailingZeros32(uint32(rest)); featureNames[bit] == "" {
			unknown |= 1 << bit
		}
	}
	return unknown
}

// Names returns the names of the features, in the order of their bits. One that has no name is "bit" and its number.
func (f Features) Names() []string {
	var names []string
	for rest := f; rest != 0; rest &= rest - 1 {
		bit := bits.TrailingZeros32(uint32(rest))
		names = append(names, cmp.Or(featureNames[bit], fmt.Sprint("bit", bit)))
	}
	return names
}

// String returns the names, separated by commas.
func (f Features) String() string { return strings.Join(f.Names(), ",") }

// Facts about BEGIN records.
const (
	magic      = 0x2F5bacbac // DMU_BACKUP_MAGIC; it tells the byte order
	nameAt     = 56          // drr_toname
	nameSize   = 256         // MAXNAMELEN
	substream  = 1           // DMU_SUBSTREAM
	compound   = 2           // DMU_COMPOUNDSTREAM
	objsetZVol = 3           // DMU_OST_ZVOL
	objsetMax  = 5           // DMU_OST_NUMTYPES is one more
)

// Begin is what a BEGIN record says: the first record of a stream, and of each stream in a package.
type Begin struct {
	Offset int64 // of the record in the stream, in bytes; 0 from ParseBegin

	// Compound means a package of streams (zfs send -R, -I, -p, -b, -h). It says in Package what follows; GUIDs, Creation, Flags
	// and Volume are zero.
	Compound bool

	ToName   string    // the snapshot that is sent, by its name at the sender; of a package the one that it leads to
	ToGUID   uint64    // its GUID
	FromGUID uint64    // GUID of what this is an increment to; 0: none, it is a full stream
	Creation time.Time // when the snapshot was taken, to the second
	Features Features
	Flags    uint32 // DRR_FLAG_...: 1 to a clone's origin, 2 case-insensitive, 4 with FREE records, 8 spill flags
	Raw      bool   // encrypted data are sent as they are: Features has FeatureRaw
	Volume   bool   // a volume, not a filesystem

	BigEndian   bool  // the byte order of the stream
	PayloadSize int64 // bytes of the nvlist that follows the header

	// The fields from here on come from that nvlist. ParseBegin leaves them empty.

	// List is the whole nvlist.
	List NVList
	// ListErr tells why List is empty although PayloadSize isn't 0.
	ListErr error
	// Package is what the nvlist of a package says.
	Package *Package
	// ResumeObject and ResumeOffset say where a stream with FeatureResuming begins.
	ResumeObject, ResumeOffset uint64
	// RedactSnapshots are the GUIDs of the snapshots that the stream is redacted with, if it has FeatureRedacted.
	RedactSnapshots []uint64
}

// ParseBegin reads the header of a BEGIN record, the first HeaderSize bytes of a stream. It has no checksum of its own: what is
// wrong in it may be found by the next record only. Errors are *Error.
func ParseBegin(p []byte) (Begin, error) {
	if len(p) < HeaderSize {
		return Begin{}, &Error{From: 0, To: int64(len(p)), Err: fmt.Errorf("%w: %d bytes, a header has %d", ErrTruncated, len(p), HeaderSize)}
	}
	h := header{bytes: (*[HeaderSize]byte)(p)}
	h.big = h.bigEndianBegin()
	b, err := parseBegin(h)
	if err != nil {
		return b, &Error{Record: h.recordType(), From: 0, To: HeaderSize, Err: err}
	}
	return b, nil
}

// bigEndianBegin tells whether the magic number of a BEGIN record is there as big-endian.
func (h header) bigEndianBegin() bool {
	h.big = true
	return h.u64(8) == magic
}

func parseBegin(h header) (Begin, error) {
	if compressedBy(h.bytes[:]) != "" {
		return Begin{}, errCompressed(h.bytes[:])
	}
	if h.u64(8) != magic {
		return Begin{}, fmt.Errorf("%w: no zfs send stream: magic number is %#x, want %#x", ErrFormat, h.u64(8), uint64(magic))
	}
	if t := h.recordType(); t != TypeBegin {
		return Begin{}, fmt.Errorf("%w: %v record, want BEGIN", ErrFormat, t)
	}
	version := h.u64(16)
	b := Begin{
		Compound:    version&3 == compound,
		ToGUID:      h.u64(40),
		FromGUID:    h.u64(48),
		Creation:    time.Unix(int64(h.u64(24)), 0).UTC(),
		Features:    Features(version >> 2 & (1<<30 - 1)),
		Flags:       h.u32(36),
		Volume:      h.u32(32) == objsetZVol,
		BigEndian:   h.big,
		PayloadSize: int64(h.u32(4)),
	}
	b.Raw = b.Features.Has(FeatureRaw)
	if b.Compound && h.u64(24) == 0 {
		b.Creation = time.Time{}
	}
	if kind := version & 3; kind != substream && kind != compound || version>>32 != 0 {
		return b, fmt.Errorf("%w: version information %#x", ErrUnsupported, version)
	}
	if unknown := b.Features.Unknown(); unknown != 0 {
		return b, fmt.Errorf("%w: features %#x", ErrUnsupported, uint32(unknown))
	}
	if t := h.u32(32); t > objsetMax {
		return b, fmt.Errorf("%w: objects of type %d", ErrUnsupported, t)
	}
	if b.PayloadSize%4 != 0 {
		return b, fmt.Errorf("%w: payload of %d bytes, which is not a multiple of 4", ErrFormat, b.PayloadSize)
	}
	name, _, terminated := bytes.Cut(h.bytes[nameAt:nameAt+nameSize], []byte{0})
	if !terminated {
		return b, fmt.Errorf("%w: name is not terminated", ErrFormat)
	}
	b.ToName = string(name)
	return b, checkToName(b.ToName)
}

// compressors are the programs that streams are often stored with, and what their files begin with. A stream begins with zeros.
var compressors = []struct{ name, magic string }{
	{"bzip2", "BZh"}, {"gzip", "\x1f\x8b"}, {"zstd", "\x28\xb5\x2f\xfd"}, {"xz", "\xfd7zXZ\x00"},
}

// compressedBy returns the name of the program that has compressed a file that begins with p, or "".
func compressedBy(p []byte) string {
	for _, c := range compressors {
		if bytes.HasPrefix(p, []byte(c.magic)) {
			return c.name
		}
	}
	return ""
}

func errCompressed(p []byte) error {
	return fmt.Errorf("%w: no zfs send stream: it is compressed by %s, decompress it first", ErrFormat, compressedBy(p))
}

// setList takes over what the nvlist says (BEGINNV_... of include/sys/dmu_impl.h; packages see packageOf).
func (b *Begin) setList(payload []byte) {
	if b.List, b.ListErr = ParseNVList(payload); b.ListErr != nil {
		return
	}
	if b.Compound {
		b.Package, b.ListErr = packageOf(b.List)
		return
	}
	b.ResumeObject, _ = lookup[uint64](b.List, "resume_object")
	b.ResumeOffset, _ = lookup[uint64](b.List, "resume_offset")
	b.RedactSnapshots, _ = lookup[[]uint64](b.List, "redact_snaps")
}

// LogValue gives the facts that identify the stream.
func (b Begin) LogValue() slog.Value {
	return slog.GroupValue(slog.String("to_name", b.ToName), slog.Uint64("to_guid", b.ToGUID), slog.Uint64("from_guid", b.FromGUID),
		slog.String("features", b.Features.String()), slog.Bool("compound", b.Compound))
}

// Package says which streams follow in a compound stream.
type Package struct {
	FromSnapshot string // without dataset and "@"; empty: none
	ToSnapshot   string // likewise
	Raw          bool   // as by zfs send -w
	Filesystems  []Filesystem
}

// Filesystem is a dataset of a package.
type Filesystem struct {
	Name           string
	GUID           uint64 // of the dataset
	ParentSnapshot uint64 // GUID of the parent's snapshot; 0 for the topmost
	Origin         uint64 // GUID of the snapshot that it is a clone of; 0: none
	Snapshots      []PackageSnapshot
	Properties     NVList // string or uint64, as the type of property has it

	// SnapshotProperties and SnapshotHolds hold for snapshots, by their names, the lists of their properties and of their holds (zfs
	// send -h), if they have any.
	SnapshotProperties, SnapshotHolds NVList
}

// PackageSnapshot is a snapshot that the source had. It need not be in the package: receivers learn from this which snapshots
// were destroyed or renamed.
type PackageSnapshot struct {
	Name string // without dataset and "@"
	GUID uint64
}

// ofSnapshots returns what a list has for snapshots, but for those for which it has nothing.
func ofSnapshots(list NVList, name string) NVList {
	all, _ := lookup[NVList](list, name)
	return slices.DeleteFunc(slices.Clone(all), func(p NVPair) bool {
		of, ok := p.Value.(NVList)
		return ok && len(of) == 0
	})
}

// packageOf reads the nvlist that lib/libzfs/libzfs_sendrecv.c gathers (gather_nvlist, send_iterate_fs).
func packageOf(l NVList) (*Package, error) {
	p := &Package{}
	p.FromSnapshot, _ = lookup[string](l, "fromsnap")
	p.ToSnapshot, _ = lookup[string](l, "tosnap")
	_, p.Raw = l.Lookup("raw")
	filesystems, _ := lookup[NVList](l, "fss")
	for _, pair := range filesystems {
		list, ok := pair.Value.(NVList)
		if !ok {
			return p, fmt.Errorf("%w: filesystem %q is not a list", ErrFormat, pair.Name)
		}
		f := Filesystem{}
		if _, err := fmt.Sscanf(pair.Name, "0x%x", &f.GUID); err != nil {
			return p, fmt.Errorf("%w: filesystem's GUID %q", ErrFormat, pair.Name)
		}
		if f.Name, ok = lookup[string](list, "name"); !ok {
			return p, fmt.Errorf("%w: filesystem %q has no name", ErrFormat, pair.Name)
		}
		f.ParentSnapshot, _ = lookup[uint64](list, "parentfromsnap")
		f.Origin, _ = lookup[uint64](list, "origin")
		f.Properties, _ = lookup[NVList](list, "props")
		f.SnapshotProperties = ofSnapshots(list, "snapprops")
		f.SnapshotHolds = ofSnapshots(list, "snapholds")
		snapshots, _ := lookup[NVList](list, "snaps")
		for _, s := range snapshots {
			guid, ok := s.Value.(uint64)
			if !ok {
				return p, fmt.Errorf("%w: snapshot %s@%s has no GUID", ErrFormat, f.Name, s.Name)
			}
			f.Snapshots = append(f.Snapshots, PackageSnapshot{s.Name, guid})
		}
		p.Filesystems = append(p.Filesystems, f)
	}
	slices.SortStableFunc(p.Filesystems, func(a, b Filesystem) int { return cmp.Compare(a.Name, b.Name) })
	return p, nil
}
