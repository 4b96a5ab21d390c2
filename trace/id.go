package trace

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// ID names one task or span. It is never zero for a started span and never reused within a process. IDs are a keyed
// bijection of a counter, with a random key for each recorder, so that those of two processes collide as rarely as two
// random numbers do. OpenTelemetry's span ID is the same 64 bits.
type ID uint64

// idWidth is the length of an ID's text: 13 base32 digits hold 65 bits.
const idWidth = 13

// idAlphabet is RFC 4648's base32 alphabet in lower case: no digit that looks like a letter of it.
const idAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// String returns the ID as 13 lower-case base32 digits, most significant first. All IDs have the same length, so
// none is a substring of another.
func (id ID) String() string {
	var b [idWidth]byte
	return string(id.append(b[:0]))
}

// MarshalText implements [encoding.TextMarshaler].
func (id ID) MarshalText() ([]byte, error) { return id.append(make([]byte, 0, idWidth)), nil }

func (id ID) append(b []byte) []byte {
	for shift := (idWidth - 1) * 5; shift >= 0; shift -= 5 {
		b = append(b, idAlphabet[id>>shift&31])
	}
	return b
}

// ErrBadID is returned by [ParseID] for text that is not an ID.
var ErrBadID = errors.New("not an ID: want 13 digits of a-z2-7, the first one of a-p")

// ParseID is the inverse of [ID.String].
func ParseID(s string) (ID, error) {
	if len(s) != idWidth || s[0] < 'a' || s[0] > 'p' {
		return 0, ErrBadID
	}
	var id ID
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a'
		case '2' <= c && c <= '7':
			c = c - '2' + 26
		default:
			return 0, ErrBadID
		}
		id = id<<5 | ID(c)
	}
	return id, nil
}

// TraceID names a root task or root async span together with everything below it, also in other processes. It is
// OpenTelemetry's trace ID. Its first half is random for each recorder, its second half is the root's [ID].
type TraceID [16]byte

// String returns the ID as 32 lower-case hexadecimal digits, as in W3C's traceparent.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (t TraceID) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// IsZero reports whether t names no trace.
func (t TraceID) IsZero() bool { return t == TraceID{} }

// Ref names a task or span of any process. OpenTelemetry calls it a span context.
type Ref struct {
	Trace TraceID
	Span  ID
}

// An idKey makes IDs of numbers: a bijection of 64-bit numbers that is keyed with random bits. Being a bijection, it
// makes different IDs of different numbers; being keyed, the sequences of two processes have nothing in common, so that
// two IDs of different processes collide with the probability of two random numbers. It needs no lock and no randomness
// after its start.
type idKey struct {
	keys  [3]uint64
	trace uint64 // the first half of trace IDs
}

func newIDKey() (k idKey) {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program if the system has no randomness
	for i := range k.keys {
		k.keys[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	k.trace = binary.LittleEndian.Uint64(b[24:])
	return k
}

// permute is three rounds of "add the key, multiply by an odd constant, fold the high half in". Each step is a
// bijection. The constants are those of the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable
// Pseudorandom Number Generators, OOPSLA 2014).
func (k *idKey) permute(x uint64) ID {
	x = (x + k.keys[0]) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32 + k.keys[1]) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>29 ^ k.keys[2]) * 0x94d049bb133111eb
	return ID(x ^ x>>32)
}

// traceOf returns the trace ID of a root.
func (k *idKey) traceOf(root ID) (t TraceID) {
	binary.BigEndian.PutUint64(t[:8], k.trace)
	binary.BigEndian.PutUint64(t[8:], uint64(root))
	return t
}

// An idCounter counts the numbers of one shard: those that leave the same remainder when divided by the number of
// shards, so that no two shards make the same ID and none of them shares a cache line with another.
type idCounter struct {
	key          *idKey
	next, stride uint64
}

func (c *idCounter) new() ID {
	for {
		id := c.key.permute(c.next)
		c.next += c.stride
		if id != 0 { // zero is OpenTelemetry's invalid ID
			return id
		}
	}
}
