package anonymize

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
)

const (
	maxCached       = 1 << 15 // texts of which the pseudonyms are remembered
	maxCachedLength = 256     // bytes
	// longestGroup bounds what is left of a run of punctuation, and the groups of a pseudonym: so no word of four
	// characters is in what is made of a text.
	longestGroup = 3
)

// pseudonyms makes pseudonyms. They depend on the key and the text alone.
type pseudonyms struct {
	mac   hash.Hash
	sum   [sha256.Size]byte
	texts map[string]string
	ids   map[string]string
}

func newPseudonyms(key []byte) *pseudonyms {
	return &pseudonyms{mac: hmac.New(sha256.New, key), texts: make(map[string]string), ids: make(map[string]string)}
}

// hash returns a keyed hash of a text that is used for some purpose, valid until the next.
func (p *pseudonyms) hash(purpose byte, text string) []byte {
	p.mac.Reset()
	p.mac.Write([]byte{purpose})
	p.mac.Write([]byte(text))
	return p.mac.Sum(p.sum[:0])
}

// Purposes of hashes.
const (
	forWords = 'w'
	forIDs   = 'i'
)

// cached returns what is made of a text, from a cache if possible.
func cached(cache map[string]string, text string, produce func(string) string) string {
	if text == "" {
		return ""
	}
	if known, ok := cache[text]; ok {
		return known
	}
	result := produce(text)
	if len(text) <= maxCachedLength {
		if len(cache) >= maxCached {
			clear(cache)
		}
		cache[text] = result
	}
	return result
}

// text replaces the words of a text.
func (p *pseudonyms) text(s string) string { return cached(p.texts, s, p.words) }

func (p *pseudonyms) words(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := run(s, isPunctuation)
		b.WriteString(s[:min(n, longestGroup)])
		s = s[n:]
		if n = run(s, isWord); n > 0 {
			b.WriteString(p.word(s[:n]))
		}
		s = s[n:]
	}
	return b.String()
}

// run returns how many bytes at the beginning of s are of a sort.
func run(s string, is func(byte) bool) int {
	for i := range len(s) {
		if !is(s[i]) {
			return i
		}
	}
	return len(s)
}

// isPunctuation reports whether a byte separates words: ASCII's punctuation, spaces and line ends.
func isPunctuation(c byte) bool {
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return true
	case c < '!' || c > '~':
		return false
	}
	return !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z')
}

func isWord(c byte) bool { return !isPunctuation(c) }

// alphabet has 32 letters and digits, without i, l, o and 1, which look alike.
const alphabet = "abcdefghjkmnpqrstuvwxyz234567890"

// word returns a word's pseudonym: 45 bits as three groups of letters and digits.
func (p *pseudonyms) word(s string) string {
	bits := binary.BigEndian.Uint64(p.hash(forWords, s))
	var b [3*longestGroup + 2]byte
	for i := range b {
		if i%(longestGroup+1) == longestGroup {
			b[i] = '-'
			continue
		}
		b[i] = alphabet[bits&31]
		bits >>= 5
	}
	return string(b[:])
}

// idDigits are those of package trace's IDs: 64 bits in 13 digits of 5 bits, the most significant first.
const idDigits = "abcdefghijklmnopqrstuvwxyz234567"

// parseID returns the bytes of an ID in package trace's form.
func parseID(s string) (id []byte, ok bool) {
	if len(s) != 13 || strings.IndexByte(idDigits[:16], s[0]) < 0 {
		return nil, false
	}
	n := uint64(0)
	for i := range len(s) {
		digit := strings.IndexByte(idDigits, s[i])
		if digit < 0 {
			return nil, false
		}
		n = n<<5 | uint64(digit)
	}
	return binary.BigEndian.AppendUint64(nil, n), true
}

func formatID(id []byte) string {
	n := binary.BigEndian.Uint64(id)
	var b [13]byte
	for i := range b {
		b[i] = idDigits[n>>(5*(12-i))&31]
	}
	return string(b[:])
}

// id replaces an ID. That of package trace, and OpenTelemetry's span ID of the same number, become the same number
// again, as does the number in the second half of a trace ID.
func (p *pseudonyms) id(s string) string { return cached(p.ids, s, p.newID) }

func (p *pseudonyms) newID(s string) string {
	if id, ok := parseID(s); ok {
		return formatID(p.number(id))
	}
	if b, err := hex.DecodeString(s); err == nil {
		switch len(b) {
		case 8:
			return hex.EncodeToString(p.number(b))
		case 16:
			low := hex.EncodeToString(p.number(b[8:]))
			return hex.EncodeToString(p.number(b)) + low
		}
	}
	return formatID(p.number([]byte(s)))
}

// number returns the 8 bytes that stand for those of an ID.
func (p *pseudonyms) number(id []byte) []byte { return p.hash(forIDs, string(id))[:8] }
