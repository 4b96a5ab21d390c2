package zstream

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// HeaderSize is the size of each record's header in bytes (dmu_replay_record_t). A payload may follow it.
const HeaderSize = 312

// checksumAt is where the checksum of the header is, in its last 32 bytes. It covers the stream up to there.
const checksumAt = HeaderSize - 32

// RecordType says what a record is (drr_type).
type RecordType uint32

// The types of records, with OpenZFS's numbers.
const (
	TypeBegin RecordType = iota
	TypeObject
	TypeFreeObjects
	TypeWrite
	TypeFree
	TypeEnd
	TypeWriteByRef
	TypeSpill
	TypeWriteEmbedded
	TypeObjectRange
	TypeRedact

	NumRecordTypes = iota
)

// String returns the name as OpenZFS has it, without its prefix "DRR_".
func (t RecordType) String() string {
	if t < NumRecordTypes {
		return records[t].name
	}
	return "type " + strconv.FormatUint(uint64(t), 10)
}

// field is one number of a header.
type field struct {
	name         string // as in OpenZFS, without "drr_"
	offset, size int    // in bytes
}

// recordSpec describes a type of records. The table of these is all that the parser, the writer and the text form know.
type recordSpec struct {
	name       string
	fields     []field
	payload    func(h header) uint64 // how many bytes follow the header; nil: none
	maxPayload uint64
}

// Limits of payloads, from OpenZFS.
const (
	maxBlock    = 16 << 20  // SPA_MAXBLOCKSIZE
	maxBonus    = 32 << 9   // DNODE_MAX_SIZE
	maxEmbedded = 112       // BPE_PAYLOAD_SIZE
	maxList     = 1<<32 - 1 // drr_payloadlen has 32 bits
)

// records is the table of include/sys/zfs_ioctl.h, struct dmu_replay_record. All records begin with their type and
// drr_payloadlen, 4 bytes each. Byte arrays (salts, initialization vectors, authentication codes, deduplication keys) are
// left out: nothing here depends on them, and the checksum covers them.
var records = [NumRecordTypes]recordSpec{
	TypeBegin: {"BEGIN", []field{{"payloadlen", 4, 4}, {"magic", 8, 8}, {"versioninfo", 16, 8}, {"creation_time", 24, 8}, {"type", 32, 4},
		{"flags", 36, 4}, {"toguid", 40, 8}, {"fromguid", 48, 8}},
		func(h header) uint64 { return uint64(h.u32(4)) }, maxList},
	TypeObject: {"OBJECT", []field{{"object", 8, 8}, {"type", 16, 4}, {"bonustype", 20, 4}, {"blksz", 24, 4}, {"bonuslen", 28, 4},
		{"checksumtype", 32, 1}, {"compress", 33, 1}, {"dn_slots", 34, 1}, {"flags", 35, 1}, {"raw_bonuslen", 36, 4}, {"toguid", 40, 8},
		{"indblkshift", 48, 1}, {"nlevels", 49, 1}, {"nblkptr", 50, 1}, {"maxblkid", 56, 8}},
		func(h header) uint64 { // DRR_OBJECT_PAYLOAD_SIZE
			if raw := h.u32(36); raw != 0 {
				return uint64(raw)
			}
			return roundUp8(h.u32(28))
		}, maxBonus},
	TypeFreeObjects: {"FREEOBJECTS", []field{{"firstobj", 8, 8}, {"numobjs", 16, 8}, {"toguid", 24, 8}}, nil, 0},
	TypeWrite: {"WRITE", []field{{"object", 8, 8}, {"type", 16, 4}, {"offset", 24, 8}, {"logical_size", 32, 8}, {"toguid", 40, 8},
		{"checksumtype", 48, 1}, {"flags", 49, 1}, {"compressiontype", 50, 1}, {"compressed_size", 96, 8}},
		func(h header) uint64 { // DRR_WRITE_PAYLOAD_SIZE
			if h.bytes[50] != 0 {
				return h.u64(96)
			}
			return h.u64(32)
		}, maxBlock},
	TypeFree: {"FREE", []field{{"object", 8, 8}, {"offset", 16, 8}, {"length", 24, 8}, {"toguid", 32, 8}}, nil, 0},
	TypeEnd:  {"END", []field{{"toguid", 40, 8}}, nil, 0},
	TypeWriteByRef: {"WRITE_BYREF", []field{{"object", 8, 8}, {"offset", 16, 8}, {"length", 24, 8}, {"toguid", 32, 8}, {"refguid", 40, 8},
		{"refobject", 48, 8}, {"refoffset", 56, 8}, {"checksumtype", 64, 1}, {"flags", 65, 1}}, nil, 0},
	TypeSpill: {"SPILL", []field{{"object", 8, 8}, {"length", 16, 8}, {"toguid", 24, 8}, {"flags", 32, 1}, {"compressiontype", 33, 1},
		{"compressed_size", 40, 8}, {"type", 84, 4}},
		func(h header) uint64 { // DRR_SPILL_PAYLOAD_SIZE
			if compressed := h.u64(40); compressed != 0 {
				return compressed
			}
			return h.u64(16)
		}, maxBlock},
	TypeWriteEmbedded: {"WRITE_EMBEDDED", []field{{"object", 8, 8}, {"offset", 16, 8}, {"length", 24, 8}, {"toguid", 32, 8},
		{"compression", 40, 1}, {"etype", 41, 1}, {"lsize", 48, 4}, {"psize", 52, 4}},
		func(h header) uint64 { return roundUp8(h.u32(52)) }, maxEmbedded},
	TypeObjectRange: {"OBJECT_RANGE", []field{{"firstobj", 8, 8}, {"numslots", 16, 8}, {"toguid", 24, 8}, {"flags", 68, 1}}, nil, 0},
	TypeRedact:      {"REDACT", []field{{"object", 8, 8}, {"offset", 16, 8}, {"length", 24, 8}, {"toguid", 32, 8}}, nil, 0},
}

func roundUp8(n uint32) uint64 { return (uint64(n) + 7) &^ 7 }

// header is a record's header in the byte order of its stream, which is that of the host that sent it.
type header struct {
	bytes *[HeaderSize]byte
	big   bool
}

func (h header) u32(at int) uint32 {
	if h.big {
		return binary.BigEndian.Uint32(h.bytes[at:])
	}
	return binary.LittleEndian.Uint32(h.bytes[at:])
}

func (h header) u64(at int) uint64 {
	if h.big {
		return binary.BigEndian.Uint64(h.bytes[at:])
	}
	return binary.LittleEndian.Uint64(h.bytes[at:])
}

func (h header) checksum(at int) Checksum {
	return Checksum{h.u64(at), h.u64(at + 8), h.u64(at + 16), h.u64(at + 24)}
}

func (h header) put(f field, value uint64) {
	order := binary.ByteOrder(binary.LittleEndian)
	if h.big {
		order = binary.BigEndian
	}
	switch p := h.bytes[f.offset:]; f.size {
	case 1:
		p[0] = byte(value)
	case 4:
		order.PutUint32(p, uint32(value))
	case 8:
		order.PutUint64(p, value)
	}
}

func (h header) get(f field) uint64 {
	switch f.size {
	case 1:
		return uint64(h.bytes[f.offset])
	case 4:
		return uint64(h.u32(f.offset))
	}
	return h.u64(f.offset)
}

func (h header) recordType() RecordType { return RecordType(h.u32(0)) }

// payloadSize returns how many bytes follow the header. The record's type must be known.
func (h header) payloadSize() (int64, error) {
	spec := &records[h.recordType()]
	if spec.payload == nil {
		return 0, nil
	}
	n := spec.payload(h)
	if n > spec.maxPayload {
		return 0, fmt.Errorf("%w: payload of %d bytes, maximum is %d", ErrFormat, n, spec.maxPayload)
	}
	if n%4 != 0 {
		return 0, fmt.Errorf("%w: payload of %d bytes, which is not a multiple of 4", ErrFormat, n)
	}
	return int64(n), nil
}

// zeroOutside tells whether all bytes of the header but those of the given ranges are zero.
func (h header) zeroOutside(ranges ...[2]int) bool {
	for i, b := range h.bytes {
		if b != 0 && !slices.ContainsFunc(ranges, func(r [2]int) bool { return r[0] <= i && i < r[1] }) {
			return false
		}
	}
	return true
}

// Record is the header of a record. It is valid only during the call that it is given to.
type Record struct {
	Type        RecordType
	Offset      int64 // of the header in the stream, in bytes
	PayloadSize int64 // bytes that follow the header

	header header
}

// Fields yields the numbers of the header with their names, which are those of OpenZFS without "drr_", in the order in
// which they are in the header.
func (r Record) Fields() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for _, f := range records[r.Type].fields {
			if !yield(f.name, r.header.get(f)) {
				return
			}
		}
	}
}

// Field returns a number of the header by its name.
func (r Record) Field(name string) (value uint64, ok bool) {
	for n, v := range r.Fields() {
		if n == name {
			return v, true
		}
	}
	return 0, false
}

// String returns the record as a line of text: offset, type, the fields that are not zero, and the payload's size.
func (r Record) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d %v", r.Offset, r.Type)
	for name, value := range r.Fields() {
		switch {
		case value == 0:
		case strings.HasSuffix(name, "guid") || name == "magic" || name == "versioninfo":
			fmt.Fprintf(&s, " %s=%#x", name, value)
		default:
			fmt.Fprintf(&s, " %s=%d", name, value)
		}
	}
	if r.PayloadSize > 0 {
		fmt.Fprintf(&s, " payload=%d", r.PayloadSize)
	}
	return s.String()
}
