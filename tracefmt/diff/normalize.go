package diff

import "strings"

// minHex is how many characters a run of hexadecimal digits has to have to be taken for a number: shorter ones are
// words such as "e2e".
const minHex = 6

// Normalize returns a name with "#" for each number in it: UUIDs, hexadecimal numbers that follow "0x" or stand alone
// with 6 characters or more and a digit among them, and all other runs of decimal digits. So "GET /users/17" and "GET
// /users/4" become "GET /users/#".
func Normalize(name string) string {
	if !strings.ContainsAny(name, "0123456789") {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		n, isNumber := 1, false
		switch c := name[i]; {
		case isDigit(c) || isHex(c) && (i == 0 || !isWord(name[i-1])):
			n, isNumber = number(name[i:], i == 0 || !isWord(name[i-1]))
		}
		if isNumber {
			b.WriteByte('#')
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// number returns how long the number is that a text begins with, or else, how long what can't begin one is. alone says
// that no letter or digit comes before.
func number(s string, alone bool) (n int, ok bool) {
	if alone {
		if isUUID(s) {
			return uuidLen, true
		}
		if n := run(s, isWord); n > 2 && s[0] == '0' && s[1]|0x20 == 'x' && run(s[2:], isHex) == n-2 {
			return n, true
		}
		if n := run(s, isHex); n >= minHex && n == run(s, isWord) && strings.ContainsAny(s[:n], "0123456789") {
			return n, true
		}
	}
	if n := run(s, isDigit); n > 0 {
		return n, true
	}
	return 1, false
}

const uuidLen = 36

// isUUID reports whether a text begins with a UUID (RFC 9562, section 4).
func isUUID(s string) bool {
	if len(s) < uuidLen || len(s) > uuidLen && isWord(s[uuidLen]) {
		return false
	}
	for i := range uuidLen {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash && s[i] != '-' || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

func run(s string, is func(byte) bool) (n int) {
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// isWord reports whether a byte is of a letter or digit, of whatever script.
func isWord(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80 }

// A normalizer remembers what names became, up to a number of them.
type normalizer map[string]string

const maxNames = 1 << 14

func (z *normalizer) of(name string) string {
	if known, ok := (*z)[name]; ok {
		return known
	}
	if *z == nil || len(*z) >= maxNames {
		*z = make(normalizer)
	}
	(*z)[name] = Normalize(name)
	return (*z)[name]
}
