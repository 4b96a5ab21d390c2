package main

import (
	"context"
	"net/http"
	"net/http/pprof"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/trace/capture"
	_ "github.com/spanstack/spanstack/tracefmt/perfetto" // --trace FILE.pftrace
	_ "github.com/spanstack/spanstack/tracefmt/pprof"    // for /debug/trace/profile
)

// addDebug adds to the debug listener, if there is one, what else there is to see: the levels of the log, and Go's own
// profiles, without that of the command line.
func addDebug(ctx context.Context, s *capture.Server, lines *logconfig.Log) {
	if s == nil {
		return
	}
	s.Handle("/debug/log/levels", lines.Levels)
	s.Handle("/debug/pprof/", http.HandlerFunc(pprof.Index))
	s.Handle("/debug/pprof/profile", http.HandlerFunc(pprof.Profile))
	s.Handle("/debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))
	s.Handle("/debug/pprof/trace", http.HandlerFunc(pprof.Trace))
	logging.GetLogger(ctx, "zferry").Info("debug listener is open", "url", s.URL())
}
