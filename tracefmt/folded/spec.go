package folded

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "folded",
	Description: "folded stacks with self time in ns (flamegraph.pl, inferno, speedscope)",
	Extensions:  []string{".folded", ".collapsed"},
	MIMEType:    "text/plain; charset=utf-8",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Summing,
	Keeps:       0,
}

func init() { tracefmt.Register(Format) }

// detect wants every whole line of the prefix to be a comment or a stack with a number.
func detect(prefix []byte) int {
	stacks := 0
	for len(prefix) > 0 {
		line, rest, whole := bytes.Cut(prefix, []byte("\n"))
		if !whole && stacks > 0 {
			break // cut off
		}
		prefix = rest
		text := string(bytes.TrimRight(line, "\r"))
		if text == "" || text[0] == '#' {
			continue
		}
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return 0
		}
		if _, err := parseLine(text); err != nil {
			return 0
		}
		stacks++
	}
	if stacks == 0 {
		return 0
	}
	return 30
}

var (
	escape = strings.NewReplacer(";", "%3B", "\n", "%0A", "\r", "%0D", "%3B", "%253B", "%0A", "%250A", "%0D", "%250D",
		"%20", "%2520", "%09", "%2509", "%25", "%2525", "%23", "%2523")
	unescape = strings.NewReplacer("%3B", ";", "%0A", "\n", "%0D", "\r", "%20", " ", "%09", "\t", "%25", "%", "%23", "#")
)

// appendStack adds the text of a stack.
func appendStack(dst []byte, frames []string) []byte {
	start := len(dst)
	for i, name := range frames {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, escape.Replace(strings.ToValidUTF8(name, "\ufffd"))...)
	}
	if len(dst) > start && dst[start] == '#' {
		dst = append(append(dst[:start:start], "%23"...), dst[start+1:]...)
	}
	// A number at the end of the last name would be taken for the first one of two.
	if rest, _, ok := cutNumber(string(dst[start:])); ok {
		at := start + len(rest)
		dst = slices.Replace(dst, at, at+1, fmt.Appendf(nil, "%%%02X", dst[at])...)
	}
	return dst
}

// stack is what a line says.
type stack struct {
	frames  []string
	n       int64 // ns, or whatever the file counts
	rounded bool  // n had decimals
	before  bool  // there was a number before n: that of an earlier profile
}

// parseLine splits a line into the names of its frames and its number. Where there are two numbers, as in the output of
// difffolded.pl, the second one is that of the later profile.
func parseLine(line string) (s stack, err error) {
	text, number, ok := cutNumber(line)
	if !ok {
		return s, errNoNumber
	}
	if s.n, ok = decimal.Scale([]byte(number), 0); !ok {
		return s, errNoNumber
	}
	s.rounded = strings.ContainsRune(number, '.')
	if rest, _, ok := cutNumber(text); ok {
		text, s.before = rest, true
	}
	for name := range strings.SplitSeq(text, ";") {
		s.frames = append(s.frames, unescape.Replace(name))
	}
	return s, nil
}

// cutNumber takes off the number at the end of a line, with decimals or not, and the space before it, as flamegraph.pl
// does.
func cutNumber(line string) (rest, number string, ok bool) {
	i := strings.LastIndexAny(line, " \t")
	if i < 0 {
		return line, "", false
	}
	number = line[i+1:]
	whole, decimals, _ := strings.Cut(number, ".")
	if whole == "" || strings.Trim(whole, "0123456789") != "" || strings.Trim(decimals, "0123456789") != "" {
		return line, "", false
	}
	return line[:i], number, true
}
