// Package otlperr tells which errors of OpenTelemetry's OTLP exporters pass.
package otlperr

import (
	"context"
	"errors"
	"net/url"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Temporary reports whether what failed is to be sent again. For what a collector answers, an exporter has done so
// already, if OTLP's specification wants it ("Failures", of OTLP/gRPC and OTLP/HTTP); what it leaves to others are
// collectors that can't be reached, or answer too late.
func Temporary(err error) bool {
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
