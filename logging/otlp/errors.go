package otlp

import (
	"regexp"
	"strconv"
)

// partialSuccess is what the exporters' errors say when a collector has taken a part of a batch. They are of a type that
// is internal there.
var partialSuccess = regexp.MustCompile(`^OTLP partial success: [\s\S]* \((\d+) logs rejected\)$`)

// partlyRejected returns how many records a collector didn't take of a batch whose others it took.
func partlyRejected(err error) (n uint64, ok bool) {
	m := partialSuccess.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, false
	}
	n, err = strconv.ParseUint(m[1], 10, 64)
	return n, err == nil
}
