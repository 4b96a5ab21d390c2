package folded

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
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
	Mode:        tracefmt.Whole,
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
		if _, _, err := parseLine(text); err != nil {
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
	escape   = strings.NewReplacer(";", "%3B", "\n", "%0A", "\r", "%0D", "%3B", "%253B", "%0A", "%250A", "%0D", "%250D", "%25", "%2525", "%23", "%2523")
	unescape = strings.NewReplacer("%3B", ";", "%0A", "\n", "%0D", "\r", "%25", "%", "%23", "#")
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
	return dst
}

// parseLine splits a line into the names of its frames and its number.
func parseLine(line string) (frames []string, n int64, err error) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return nil, 0, errNoNumber
	}
	n, err = strconv.ParseInt(line[i+1:], 10, 64)
	if err != nil || n < 0 {
		return nil, 0, errNoNumber
	}
	for name := range strings.SplitSeq(line[:i], ";") {
		frames = append(frames, unescape.Replace(name))
	}
	return frames, n, nil
}
