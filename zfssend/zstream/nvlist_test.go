package zstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawList draws a list of the types that can be encoded.
func drawList(t *rapid.T, depth int) NVList {
	l := NVList{}
	for range rapid.IntRange(0, 5).Draw(t, "pairs") {
		p := NVPair{Name: rapid.StringMatching(`[a-z0-9:._]{0,20}`).Draw(t, "name")}
		types := []NVType{NVBoolean, NVUint64, NVUint64Array, NVString, NVByteArray, NVUint8Array, NVNVList}
		if depth == 0 {
			types = types[:len(types)-1]
		}
		p.Type = rapid.SampledFrom(types).Draw(t, "type")
		switch p.Type {
		case NVUint64:
			p.Value = rapid.Uint64().Draw(t, "value")
		case NVUint64Array:
			p.Value = append([]uint64{}, rapid.SliceOf(rapid.Uint64()).Draw(t, "value")...)
		case NVString:
			p.Value = rapid.StringMatching(`[^\x00]*`).Draw(t, "value")
		case NVByteArray, NVUint8Array:
			p.Value = append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(t, "value")...)
		case NVNVList:
			p.Value = drawList(t, depth-1)
		}
		l = append(l, p)
	}
	return l
}

func TestNVListRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawList(t, 4)
		for name, encode := range map[string]func([]byte) ([]byte, error){"native": want.AppendNative, "XDR": want.AppendXDR} {
			p, err := encode(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseNVList(p)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %v\n%vwant\n%v", name, err, got, want)
			}
			for i := range len(p) - 8 { // not the zeros of the end
				if _, err := ParseNVList(p[:i]); !errors.Is(err, ErrFormat) {
					t.Fatalf("%s: the first %d of %d bytes are read: %v", name, i, len(p), err)
				}
			}
		}
	})
}

// TestNVListTypes reads each type in both encodings, built by hand after nvpair.c.
func TestNVListTypes(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	u32s := func(o binary.AppendByteOrder, v ...uint32) (p []byte) {
		for _, u := range v {
			p = o.AppendUint32(p, u)
		}
		return p
	}
	for _, test := range []struct {
		t           NVType
		n           uint32
		native, xdr []byte
		want        any
	}{
		{NVBoolean, 0, nil, nil, nil},
		{NVByte, 1, []byte{200}, u32s(be, 200), uint8(200)},
		{NVInt8, 1, []byte{0xff}, u32s(be, 0xffffffff), int8(-1)},
		{NVUint8, 1, []byte{0xff}, u32s(be, 0xff), uint8(255)},
		{NVInt16, 1, []byte{0xfe, 0xff}, u32s(be, 0xfffffffe), int16(-2)},
		{NVUint16, 1, []byte{1, 2}, u32s(be, 0x201), uint16(0x201)},
		{NVInt32, 1, u32s(le, 0xfffffffd), u32s(be, 0xfffffffd), int32(-3)},
		{NVUint32, 1, u32s(le, 7), u32s(be, 7), uint32(7)},
		{NVInt64, 1, u32s(le, 0xfffffffc, 0xffffffff), u32s(be, 0xffffffff, 0xfffffffc), int64(-4)},
		{NVHrtime, 1, u32s(le, 9, 0), u32s(be, 0, 9), int64(9)},
		{NVBooleanValue, 1, u32s(le, 1), u32s(be, 1), true},
		{NVDouble, 1, u32s(le, 0, 0x3ff00000), u32s(be, 0x3ff00000, 0), 1.0},
		{NVInt8Array, 2, []byte{1, 0xff}, u32s(be, 2, 1, 0xffffffff), []int8{1, -1}},
		{NVInt16Array, 1, []byte{1, 0}, u32s(be, 1, 1), []int16{1}},
		{NVUint16Array, 1, []byte{1, 0}, u32s(be, 1, 1), []uint16{1}},
		{NVInt32Array, 2, u32s(le, 1, 2), u32s(be, 2, 1, 2), []int32{1, 2}},
		{NVUint32Array, 2, u32s(le, 1, 2), u32s(be, 2, 1, 2), []uint32{1, 2}},
		{NVInt64Array, 1, u32s(le, 1, 0), u32s(be, 1, 0, 1), []int64{1}},
		{NVBooleanArray, 2, u32s(le, 0, 1), u32s(be, 2, 0, 1), []bool{false, true}},
		{NVStringArray, 2, append(make([]byte, 16), "a\x00bc\x00"...), append(u32s(be, 1), "a\x00\x00\x00\x00\x00\x00\x02bc\x00\x00"...), []string{"a", "bc"}},
		{NVNVListArray, 2, append(make([]byte, 2*8+2*24), 0, 0, 0, 0, 0, 0, 0, 0), make([]byte, 32), []NVList{{}, {}}},
	} {
		native := append([]byte{0, 1, 0, 0}, u32s(le, 0, 1)...)
		size := 24 + (len(test.native)+7)&^7
		if test.t == NVNVListArray {
			size = 24 + len(test.native) - 8
		}
		native = append(native, u32s(le, uint32(size), 2, test.n, uint32(test.t))...)
		native = append(native, "x\x00\x00\x00\x00\x00\x00\x00"...)
		native = append(native, test.native...)
		if test.t != NVNVListArray {
			native = pad(native, 12, 8)
		}
		native = append(native, 0, 0, 0, 0)

		xdr := append([]byte{1, 1, 0, 0}, u32s(be, 0, 1, uint32(8+8+8+len(test.xdr)), 40, 1)...)
		xdr = append(append(xdr, "x\x00\x00\x00"...), u32s(be, uint32(test.t), test.n)...)
		xdr = append(append(xdr, test.xdr...), make([]byte, 8)...)

		want := NVList{{"x", test.t, test.want}}
		for name, p := range map[string][]byte{"native": native, "XDR": xdr} {
			got, err := ParseNVList(p)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("type %d, %s: %#v, %v; want %#v", test.t, name, got, err, want)
			}
		}
	}
}

// TestNVListLimits are lists that say they are larger than they are, and lists that are too deep.
func TestNVListLimits(t *testing.T) {
	deep := NVList{}
	for range nvDepth + 2 {
		deep = NVList{nvSublist("x", deep)}
	}
	for _, encode := range []func([]byte) ([]byte, error){deep.AppendNative, deep.AppendXDR} {
		p, err := encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseNVList(p); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "in one another") {
			t.Errorf("deep: %v", err)
		}
	}
	p, _ := NVList{nvNumbers("x", []uint64{1})}.AppendXDR(nil)
	binary.BigEndian.PutUint32(p[12+8+8+4:], 1<<30) // elements
	binary.BigEndian.PutUint32(p[12+8+8+8:], 1<<30)
	if _, err := ParseNVList(p); !errors.Is(err, ErrFormat) {
		t.Errorf("many elements: %v", err)
	}
	for _, p := range [][]byte{nil, {1}, {2, 1, 0, 0}, {0, 7, 0, 0}, {0, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
		if _, err := ParseNVList(p); !errors.Is(err, ErrFormat) {
			t.Errorf("%v: %v", p, err)
		}
	}
	if _, err := (NVList{{"x", NVDouble, 1.0}}).AppendNative(nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a double: %v", err)
	}
}

// TestPackageOracle compares the lists of packages with what zstream dump says of them.
func TestPackageOracle(t *testing.T) {
	all := fixtures(t)
	for _, name := range []string{"replication", "replication-intermediates", "properties", "backup-holds", "raw-replication", "dedup"} {
		text, err := os.ReadFile("testdata/openzfs-2.1.11/" + name + ".dump")
		if err != nil {
			t.Fatal(err)
		}
		var list NVList
		v := Verifier{OnBegin: func(b Begin) error {
			if b.Compound {
				list = b.List
			}
			return b.ListErr
		}}
		if err := verify(&v, all[name]); err != nil {
			t.Fatal(err)
		}
		want, _, _ := strings.Cut(string(text), "\nEND checksum")
		_, want, _ = strings.Cut(want, "payloadlen = ")
		_, want, _ = strings.Cut(want, "\n")
		if got := likeOpenZFS(list, ""); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// likeOpenZFS prints a list as dump_nvlist of libnvpair does.
func likeOpenZFS(l NVList, indent string) string {
	var s strings.Builder
	s.WriteString(indent + "nvlist version: 0\n")
	for _, p := range l {
		switch v := p.Value.(type) {
		case nil:
			fmt.Fprintf(&s, "%s\t%s = 1\n", indent, p.Name)
		case uint64:
			fmt.Fprintf(&s, "%s\t%s = %#x\n", indent, p.Name, v)
		case NVList:
			fmt.Fprintf(&s, "%s\t%s = (embedded nvlist)\n%s%s\t(end %s)\n\n", indent, p.Name, likeOpenZFS(v, indent+"\t"), indent, p.Name)
		default:
			fmt.Fprintf(&s, "%s\t%s = %v\n", indent, p.Name, v)
		}
	}
	return s.String()
}

// TestNVListMemory are lists of 1 MiB that say they have as many elements as there could be at best: only those that are there take
// memory.
func TestNVListMemory(t *testing.T) {
	const size = 1 << 20
	native := func(t NVType, n uint32) []byte {
		le := binary.LittleEndian
		p := append([]byte{0, 1, 0, 0}, make([]byte, 8)...)
		p = le.AppendUint16(le.AppendUint32(p, 24), 2)
		p = le.AppendUint32(le.AppendUint32(append(p, 0, 0), n), uint32(t))
		p = append(p, "x\x00\x00\x00\x00\x00\x00\x00"...)
		return append(p, make([]byte, size)...)
	}
	xdr := func(t NVType, n uint32, first ...uint32) []byte {
		be := binary.BigEndian
		p := append([]byte{1, 1, 0, 0}, make([]byte, 8)...)
		p = be.AppendUint32(be.AppendUint32(p, uint32(24+4*len(first)+size)), 0)
		p = append(be.AppendUint32(p, 1), "x\x00\x00\x00"...)
		p = be.AppendUint32(be.AppendUint32(p, uint32(t)), n)
		for _, v := range first {
			p = be.AppendUint32(p, v)
		}
		return append(p, make([]byte, size)...)
	}
	for name, p := range map[string][]byte{
		"XDR strings":               xdr(NVStringArray, size),
		"XDR strings, first is bad": xdr(NVStringArray, size/4, 1<<30),
		"XDR strings, all empty":    xdr(NVStringArray, size/4+2),
		"XDR lists, first is bad":   xdr(NVNVListArray, size/16, 1),
		"XDR numbers":               xdr(NVUint64Array, size/4, size/4),
		"native lists":              native(NVNVListArray, size/4),
		"native list":               native(NVNVList, size/4),
		"native strings":            native(NVStringArray, size),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ParseNVList(p)
		runtime.ReadMemStats(&after)
		limit := uint64(size / 4)
		if strings.HasSuffix(name, "empty") { // they are really there, with 16 bytes each; growing takes as much a few times over
			limit = 32 * size
		}
		if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrFormat) || got > limit {
			t.Errorf("%s: %d bytes allocated, maximum is %d; %v", name, got, limit, err)
		}
	}
}
