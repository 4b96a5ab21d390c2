package zstream

import (
	"encoding/binary"
	"fmt"
)

// nvUniqueName is the flag of a list in which no name comes twice. All lists of streams and tokens have it.
const nvUniqueName = 1

// AppendNative appends the list in the encoding NV_ENCODE_NATIVE of a little-endian host, which resume tokens have. It
// supports the types that streams and tokens need: NVBoolean, NVUint64, NVUint64Array, NVString, NVByteArray,
// NVUint8Array, NVNVList.
func (l NVList) AppendNative(p []byte) ([]byte, error) {
	p = append(p, 0, 1, 0, 0) // native, little-endian
	p = binary.LittleEndian.AppendUint32(p, 0)
	p = binary.LittleEndian.AppendUint32(p, nvUniqueName)
	return l.appendNativePairs(p)
}

func (l NVList) appendNativePairs(p []byte) (_ []byte, err error) {
	for _, pair := range l {
		if p, err = pair.appendNative(p); err != nil {
			return p, err
		}
	}
	return binary.LittleEndian.AppendUint32(p, 0), nil
}

func (pair NVPair) appendNative(p []byte) ([]byte, error) {
	order := binary.LittleEndian
	start := len(p)
	p = order.AppendUint32(p, 0) // the size, when it is known
	p = order.AppendUint16(p, uint16(len(pair.Name)+1))
	p = order.AppendUint16(p, 0)
	p = order.AppendUint32(p, uint32(pair.elements()))
	p = order.AppendUint32(p, uint32(pair.Type))
	p = pad(append(append(p, pair.Name...), 0), start, 8)
	switch v := pair.Value.(type) {
	case nil:
	case uint64:
		p = order.AppendUint64(p, v)
	case []uint64:
		for _, u := range v {
			p = order.AppendUint64(p, u)
		}
	case string:
		p = append(append(p, v...), 0)
	case []byte:
		p = append(p, v...)
	case NVList:
		p = append(p, make([]byte, 24)...) // nvlist_t
		order.PutUint32(p[len(p)-20:], nvUniqueName)
	default:
		return p, pair.cannotEncode()
	}
	p = pad(p, start, 8)
	order.PutUint32(p[start:], uint32(len(p)-start))
	if list, ok := pair.Value.(NVList); ok {
		return list.appendNativePairs(p)
	}
	return p, nil
}

// AppendXDR appends the list in the encoding NV_ENCODE_XDR, which packages (zfs send -R) have. It supports the types that
// AppendNative does.
func (l NVList) AppendXDR(p []byte) ([]byte, error) {
	return l.appendXDRList(append(p, 1, 1, 0, 0)) // XDR, on a little-endian host
}

func (l NVList) appendXDRList(p []byte) (_ []byte, err error) {
	order := binary.BigEndian
	p = order.AppendUint32(p, 0)
	p = order.AppendUint32(p, nvUniqueName)
	for _, pair := range l {
		if p, err = pair.appendXDR(p); err != nil {
			return p, err
		}
	}
	return order.AppendUint64(p, 0), nil
}

func (pair NVPair) appendXDR(p []byte) (_ []byte, err error) {
	order := binary.BigEndian
	start := len(p)
	p = order.AppendUint32(p, 0) // the size, when it is known
	p = order.AppendUint32(p, uint32(pair.decodedSize()))
	p = appendXDRString(p, pair.Name)
	p = order.AppendUint32(p, uint32(pair.Type))
	p = order.AppendUint32(p, uint32(pair.elements()))
	switch v := pair.Value.(type) {
	case nil:
	case uint64:
		p = order.AppendUint64(p, v)
	case []uint64:
		p = order.AppendUint32(p, uint32(len(v)))
		for _, u := range v {
			p = order.AppendUint64(p, u)
		}
	case string:
		p = appendXDRString(p, v)
	case []byte:
		if pair.Type == NVByteArray {
			p = pad(append(p, v...), start, 4)
			break
		}
		p = order.AppendUint32(p, uint32(len(v)))
		for _, b := range v {
			p = order.AppendUint32(p, uint32(b))
		}
	case NVList:
		if p, err = v.appendXDRList(p); err != nil {
			return p, err
		}
	default:
		return p, pair.cannotEncode()
	}
	order.PutUint32(p[start:], uint32(len(p)-start))
	return p, nil
}

// decodedSize is that of the pair's nvpair_t in memory, which decoders allocate.
func (pair NVPair) decodedSize() int {
	value := 0
	switch v := pair.Value.(type) {
	case uint64:
		value = 8
	case []uint64:
		value = 8 * len(v)
	case string:
		value = len(v) + 1
	case []byte:
		value = len(v)
	case NVList:
		value = 24
	}
	return 16 + (len(pair.Name)+1+7)&^7 + (value+7)&^7
}

func (pair NVPair) elements() int {
	switch v := pair.Value.(type) {
	case nil:
		return 0
	case []uint64:
		return len(v)
	case []byte:
		return len(v)
	}
	return 1
}

func (pair NVPair) cannotEncode() error {
	return fmt.Errorf("write nvlist: %q: %w: a value of type %T", pair.Name, ErrUnsupported, pair.Value)
}

func appendXDRString(p []byte, s string) []byte {
	start := len(p)
	p = binary.BigEndian.AppendUint32(p, uint32(len(s)))
	return pad(append(p, s...), start, 4)
}

// pad appends zeros until what begins at start is a multiple of n bytes.
func pad(p []byte, start, n int) []byte {
	for (len(p)-start)%n != 0 {
		p = append(p, 0)
	}
	return p
}

// nvFlag and the others make pairs of the usual types.
func nvFlag(name string) NVPair                { return NVPair{name, NVBoolean, nil} }
func nvNumber(name string, v uint64) NVPair    { return NVPair{name, NVUint64, v} }
func nvNumbers(name string, v []uint64) NVPair { return NVPair{name, NVUint64Array, v} }
func nvText(name, v string) NVPair             { return NVPair{name, NVString, v} }
func nvSublist(name string, v NVList) NVPair   { return NVPair{name, NVNVList, v} }
