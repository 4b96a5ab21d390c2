package index

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// id is an ID of a slice. Those of package trace and those of OpenTelemetry, both of 64 bits, are kept as numbers.
type id struct {
	form idForm
	num  uint64
	text string
}

type idForm uint8

const (
	noID     idForm = iota
	textID          // any
	base32ID        // 13 digits of package trace
	hexID           // 16 lower-case hexadecimal digits
)

const base32Digits = "abcdefghijklmnopqrstuvwxyz234567"

const hexDigits = "0123456789abcdef"

// idOf returns the ID that a text is.
func idOf(s string) id {
	switch {
	case s == "":
		return id{}
	case len(s) == 13 && s[0] >= 'a' && s[0] <= 'p':
		if n, ok := digits(s, &base32Values, 5); ok {
			return id{form: base32ID, num: n}
		}
	case len(s) == 16:
		if n, ok := digits(s, &hexValues, 4); ok {
			return id{form: hexID, num: n}
		}
	}
	return id{form: textID, text: s}
}

var base32Values, hexValues = valuesOf(base32Digits), valuesOf(hexDigits)

// valuesOf returns the values of digits, by their characters, and 0xff for what is none.
func valuesOf(digits string) (values [256]uint8) {
	for i := range values {
		values[i] = 0xff
	}
	for i := range len(digits) {
		values[digits[i]] = uint8(i)
	}
	return values
}

func digits(s string, values *[256]uint8, width int) (n uint64, ok bool) {
	bad := uint8(0)
	for i := range len(s) {
		v := values[s[i]]
		bad |= v
		n = n<<width | uint64(v)
	}
	return n, bad < 0xff && bad < 1<<width
}

func (i id) String() string {
	var b [16]byte
	switch i.form {
	case base32ID:
		for k := range 13 {
			b[k] = base32Digits[i.num>>(60-5*k)&31]
		}
		return string(b[:13])
	case hexID:
		for k := range 16 {
			b[k] = hexDigits[i.num>>(60-4*k)&15]
		}
		return string(b[:])
	}
	return i.text
}

var factors = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

func (i id) hash() uint64 {
	if i.form == textID {
		return maphash.String(seed, i.text)
	}
	hi, lo := bits.Mul64(i.num^factors[0], factors[1])
	return hi ^ lo
}

// append adds the ID to a record, whose form says how long it is.
func (i id) append(dst []byte) []byte {
	switch i.form {
	case noID:
		return dst
	case textID:
		return append(binary.AppendUvarint(dst, uint64(len(i.text))), i.text...)
	}
	return binary.LittleEndian.AppendUint64(dst, i.num)
}

// readID returns the ID at the beginning of b, with its text in b's memory, and what follows it.
func readID(form idForm, b []byte) (i id, rest []byte) {
	switch form {
	case noID:
		return id{}, b
	case textID:
		text, rest := readText(b)
		return id{form: form, text: view(text)}, rest
	}
	return id{form: form, num: binary.LittleEndian.Uint64(b)}, b[8:]
}
