package zstream

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Writer writes streams with right checksums: for tests, and for programs that stand in for zfs. It holds the form of records, not
// the sense: that objects exist before they are written to, and so on, is up to the caller.
//
//	w := zstream.NewWriter(file)
//	w.WriteBegin(zstream.Begin{ToName: "tank/fs@1", ToGUID: 1})
//	w.WriteObject(2, 131072, nil)
//	w.WriteBlock(2, 0, data)
//	w.WriteEnd()
//	err := w.Close()
//
// Errors are sticky, so that it is enough to look at that of Close.
type Writer struct {
	// BigEndian makes the stream one of a big-endian host.
	BigEndian bool
	// Unchecked leaves out the checksum of each record, as senders did before OpenZFS 0.7.
	Unchecked bool

	w     io.Writer
	sum   Fletcher4
	begin Begin
	pack  bool
	open  bool // a stream is begun and not ended
	err   error
}

// NewWriter returns a Writer to w. Each record is one Write, or two if it has a payload.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// WriteBegin begins a stream, or with Compound a package of streams, which each have their own BEGIN. The nvlist is b.List, or if
// that is nil what b.Package, b.ResumeObject and b.ResumeOffset, and b.RedactSnapshots say.
func (w *Writer) WriteBegin(b Begin) error {
	if w.open || w.pack && b.Compound {
		return w.fail(errors.New("write zfs stream: BEGIN within a stream"))
	}
	payload, err := b.payload(w.BigEndian)
	if err != nil {
		return w.fail(err)
	}
	kind := uint64(substream)
	if b.Compound {
		kind = compound
	}
	fields := map[string]uint64{"payloadlen": uint64(len(payload)), "magic": magic, "versioninfo": uint64(b.Features)<<2 | kind}
	if !b.Compound {
		fields["toguid"], fields["fromguid"], fields["flags"], fields["type"] = b.ToGUID, b.FromGUID, uint64(b.Flags), 2
		if !b.Creation.IsZero() {
			fields["creation_time"] = uint64(b.Creation.Unix())
		}
		if b.Volume {
			fields["type"] = objsetZVol
		}
	}
	if len(b.ToName) >= nameSize {
		return w.fail(fmt.Errorf("write zfs stream: name of %d bytes, maximum is %d", len(b.ToName), nameSize-1))
	}
	w.sum = Fletcher4{BigEndian: w.BigEndian}
	w.begin, w.open = b, !b.Compound
	h := w.header(TypeBegin, fields)
	copy(h.bytes[nameAt:], b.ToName)
	w.sum.Update(h.bytes[:])
	w.emit(h, payload)
	if b.Compound {
		w.pack = true
		end := w.header(TypeEnd, nil)
		end.putChecksum(8, w.sum.Sum())
		w.emit(end, nil)
	}
	return w.err
}

// payload encodes the nvlist as OpenZFS does: packages in XDR, others in the native encoding of little-endian hosts.
func (b *Begin) payload(big bool) ([]byte, error) {
	l := b.List
	if l == nil {
		l = b.makeList()
	}
	if l == nil {
		return nil, nil
	}
	if b.Compound || big {
		return l.AppendXDR(nil)
	}
	return l.AppendNative(nil)
}

func (b *Begin) makeList() (l NVList) {
	if b.Package != nil {
		return b.Package.list()
	}
	if b.RedactSnapshots != nil {
		l = append(l, nvNumbers("redact_snaps", b.RedactSnapshots))
	}
	if b.Features.Has(FeatureResuming) {
		l = append(l, nvNumber("resume_object", b.ResumeObject), nvNumber("resume_offset", b.ResumeOffset))
	}
	return l
}

// list is the inverse of packageOf.
func (p *Package) list() NVList {
	var l NVList
	if p.FromSnapshot != "" {
		l = append(l, nvText("fromsnap", p.FromSnapshot))
	}
	if p.ToSnapshot != "" {
		l = append(l, nvText("tosnap", p.ToSnapshot))
	}
	if p.Raw {
		l = append(l, nvFlag("raw"))
	}
	filesystems := NVList{}
	for _, f := range p.Filesystems {
		fs := NVList{nvText("name", f.Name), nvNumber("parentfromsnap", f.ParentSnapshot)}
		if f.Origin != 0 {
			fs = append(fs, nvNumber("origin", f.Origin))
		}
		snapshots := NVList{}
		for _, s := range f.Snapshots {
			snapshots = append(snapshots, nvNumber(s.Name, s.GUID))
		}
		fs = append(fs, nvSublist("props", f.Properties), nvSublist("snaps", snapshots))
		filesystems = append(filesystems, nvSublist(fmt.Sprintf("0x%x", f.GUID), fs))
	}
	return append(l, nvSublist("fss", filesystems))
}

// WriteObject says that an object exists, with the size of its blocks and its bonus data.
func (w *Writer) WriteObject(object uint64, blockSize uint32, bonus []byte) error {
	fields := map[string]uint64{"object": object, "type": 19, "blksz": uint64(blockSize), "bonuslen": uint64(len(bonus)), "dn_slots": 1}
	if len(bonus) > 0 {
		fields["bonustype"] = 44 // DMU_OT_SA
	}
	return w.WriteRecord(TypeObject, fields, pad(slices.Clone(bonus), 0, 8))
}

// WriteBlock writes an uncompressed block into an object. Its size is a multiple of 4 bytes.
func (w *Writer) WriteBlock(object, offset uint64, data []byte) error {
	return w.WriteRecord(TypeWrite, map[string]uint64{"object": object, "type": 19, "offset": offset, "logical_size": uint64(len(data))}, data)
}

// WriteFree makes a hole in an object.
func (w *Writer) WriteFree(object, offset, length uint64) error {
	return w.WriteRecord(TypeFree, map[string]uint64{"object": object, "offset": offset, "length": length}, nil)
}

// WriteFreeObjects says that n objects from first on don't exist.
func (w *Writer) WriteFreeObjects(first, n uint64) error {
	return w.WriteRecord(TypeFreeObjects, map[string]uint64{"firstobj": first, "numobjs": n}, nil)
}

// WriteRecord writes any record but BEGIN and END, with fields by the names that [Record.Fields] yields. The others are 0, but
// toguid, which is that of the stream. The payload must be as long as the fields say.
func (w *Writer) WriteRecord(t RecordType, fields map[string]uint64, payload []byte) error {
	if t == TypeBegin || t == TypeEnd || t >= NumRecordTypes {
		return w.fail(fmt.Errorf("write zfs stream: WriteRecord of %v", t))
	}
	if !w.open {
		return w.fail(fmt.Errorf("write zfs stream: %v outside of a stream", t))
	}
	for name := range fields {
		if !slices.ContainsFunc(records[t].fields, func(f field) bool { return f.name == name }) {
			return w.fail(fmt.Errorf("write zfs stream: %v has no field %q", t, name))
		}
	}
	fields = maps.Clone(fields)
	if _, ok := fields["toguid"]; !ok {
		if fields == nil {
			fields = map[string]uint64{}
		}
		fields["toguid"] = w.begin.ToGUID
	}
	h := w.header(t, fields)
	size, err := h.payloadSize()
	if err == nil && size != int64(len(payload)) {
		err = fmt.Errorf("payload of %d bytes, the fields say %d", len(payload), size)
	}
	if err != nil {
		return w.fail(fmt.Errorf("write zfs stream: %v: %w", t, err))
	}
	return w.checked(h, payload)
}

// WriteEnd ends a stream. A package is ended by Close.
func (w *Writer) WriteEnd() error {
	if !w.open {
		return w.fail(errors.New("write zfs stream: END outside of a stream"))
	}
	w.open = false
	h := w.header(TypeEnd, map[string]uint64{"toguid": w.begin.ToGUID})
	h.putChecksum(8, w.sum.Sum())
	return w.checked(h, nil)
}

// Close ends the package, if it is one. It returns the first error. It doesn't close the io.Writer.
func (w *Writer) Close() error {
	if w.open {
		return w.fail(errors.New("write zfs stream: closed within a stream"))
	}
	if w.pack {
		w.pack = false
		w.emit(w.header(TypeEnd, nil), nil)
	}
	return w.err
}

func (w *Writer) header(t RecordType, fields map[string]uint64) header {
	h := header{bytes: new([HeaderSize]byte), big: w.BigEndian}
	h.put(field{"", 0, 4}, uint64(t))
	for _, f := range records[t].fields {
		h.put(f, fields[f.name])
	}
	return h
}

func (h header) putChecksum(at int, sum Checksum) {
	for i, word := range sum {
		h.put(field{"", at + 8*i, 8}, word)
	}
}

// checked writes a record with its checksum.
func (w *Writer) checked(h header, payload []byte) error {
	w.sum.Update(h.bytes[:checksumAt])
	if !w.Unchecked {
		h.putChecksum(checksumAt, w.sum.Sum())
	}
	w.sum.Update(h.bytes[checksumAt:])
	return w.emit(h, payload)
}

func (w *Writer) emit(h header, payload []byte) error {
	w.sum.Update(payload)
	for _, p := range [][]byte{h.bytes[:], payload} {
		if w.err == nil && len(p) > 0 {
			_, w.err = w.w.Write(p)
		}
	}
	return w.err
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}
