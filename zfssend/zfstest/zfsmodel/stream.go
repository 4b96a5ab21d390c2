package zfsmodel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// maxSmallBlock is the largest block of a stream without large blocks, in bytes.
const maxSmallBlock = 128 << 10

// volumeObject is the object that holds the contents of a volume.
const volumeObject = 1

// write writes the streams to stdout.
func (s *sending) write() error {
	out := bufio.NewWriterSize(s.stdout, 4<<10)
	w := zstream.NewWriter(out)
	err := s.writeAll(w)
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	name := ""
	if len(s.items) > 0 {
		name = s.items[0].name()
	}
	switch {
	case errors.Is(err, errIO):
		return s.fail("warning: cannot send '%s': %v", name, errIO)
	case errors.Is(err, syscall.EPIPE):
		return s.fail("warning: cannot send '%s': signal received", name)
	}
	return err
}

func (s *sending) writeAll(w *zstream.Writer) error {
	if s.head != nil {
		if err := w.WriteBegin(*s.head); err != nil {
			return err
		}
	}
	for _, i := range s.items {
		if err := s.writeItem(w, i); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if s.tail != "" {
		s.say("%s", s.tail)
		return failed
	}
	return nil
}

func (s *sending) begin(i item) zstream.Begin {
	b := zstream.Begin{ToName: i.name(), ToGUID: i.to.GUID, Creation: time.Unix(i.to.Creation, 0), Volume: i.d.Volume, Flags: 4}
	if i.from != nil {
		b.FromGUID = i.from.guid
	}
	for _, f := range []struct {
		set     bool
		feature zstream.Features
	}{{!i.d.Volume, zstream.FeatureSASpill}, {s.large && s.hasLarge(i), zstream.FeatureLargeBlocks}, {s.embedded, zstream.FeatureEmbedData},
		{s.compressed, zstream.FeatureCompressed}, {i.resume != nil, zstream.FeatureResuming},
		{s.raw && i.d.Crypt != nil, zstream.FeatureRaw | zstream.FeatureCompressed}} {
		if f.set {
			b.Features |= f.feature
		}
	}
	if i.resume != nil {
		b.List = append(b.List, u64Pair("resume_object", i.resume.Object), u64Pair("resume_offset", i.resume.Offset))
	}
	if b.Features.Has(zstream.FeatureRaw) {
		b.List = append(b.List, zstream.NVPair{Name: "crypt_keydata", Type: zstream.NVNVList, Value: zstream.NVList{
			{Name: "DSL_CRYPTO_SUITE", Type: zstream.NVString, Value: i.d.Crypt.Cipher},
			{Name: "DSL_CRYPTO_MASTER_KEY_1", Type: zstream.NVByteArray, Value: i.d.Crypt.Wrapped},
			{Name: "DSL_CRYPTO_MAC", Type: zstream.NVByteArray, Value: i.d.Crypt.MAC},
			{Name: "keyformat", Type: zstream.NVString, Value: i.d.Crypt.Format},
		}})
	}
	return b
}

func u64Pair(name string, value uint64) zstream.NVPair {
	return zstream.NVPair{Name: name, Type: zstream.NVUint64, Value: value}
}

func (s *sending) hasLarge(i item) bool {
	for _, o := range i.to.Objects {
		if o.BlockSize > maxSmallBlock {
			return true
		}
	}
	return false
}

func (s *sending) writeItem(w *zstream.Writer, i item) error {
	if err := w.WriteBegin(s.begin(i)); err != nil {
		return err
	}
	txg, resumeObject, resumeOffset := uint64(0), uint64(0), uint64(0)
	if i.from != nil {
		txg = i.from.txg
	}
	if i.resume != nil {
		resumeObject, resumeOffset = i.resume.Object, i.resume.Offset
	}
	for _, n := range i.to.Objects.changedSince(txg) {
		if n < resumeObject {
			continue
		}
		from := uint64(0)
		if n == resumeObject {
			from = resumeOffset
		}
		if err := s.writeObject(w, i, n, txg, from); err != nil {
			return err
		}
	}
	return w.WriteEnd()
}

// writeObject writes what an object has that is newer than a transaction group, from an offset on.
func (s *sending) writeObject(w *zstream.Writer, i item, n, txg, from uint64) error {
	o := i.to.Objects[n]
	if o.Freed {
		if i.from == nil {
			return nil
		}
		return w.WriteFreeObjects(n, 1)
	}
	blockSize := o.BlockSize
	if !s.large {
		blockSize = min(blockSize, maxSmallBlock)
	}
	bonus := append(binary.LittleEndian.AppendUint64(nil, uint64(o.Size)), o.Name...)
	if err := w.WriteObject(n, uint32(blockSize), bonus); err != nil {
		return err
	}
	for k, b := range o.Blocks {
		offset := uint64(k) * uint64(o.BlockSize)
		if b.Born <= txg || offset+uint64(o.BlockSize) <= from {
			continue
		}
		if b.Hash == "" && i.from == nil {
			continue
		}
		if b.Hash == "" {
			if err := w.WriteFree(n, offset, uint64(o.BlockSize)); err != nil {
				return err
			}
			continue
		}
		data, err := s.getBlock(b.Hash)
		if err != nil {
			return err
		}
		if i.key != nil && !s.raw {
			scramble(i.key, n, offset, data)
		}
		for at := 0; at < len(data); at += blockSize {
			if offset+uint64(at) < from {
				continue
			}
			if err := s.writeBlock(w, i, n, offset+uint64(at), data[at:at+blockSize]); err != nil {
				return err
			}
		}
	}
	return nil
}
