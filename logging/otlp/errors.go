package otlp

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// temporary reports whether a batch that failed is to be sent again. For what a collector answers, the exporter has
// done so already, if OTLP's specification wants it ("Failures", of OTLP/gRPC and OTLP/HTTP); what it leaves to us are
// collectors that can't be reached, or answer too late.
func temporary(err error) bool {
	if _, ok := errors.AsType[*url.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if s, ok := status.FromError(err); ok {
		switch s.Code() {
		case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
			return true
		}
	}
	return false
}

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
