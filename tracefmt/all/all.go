// Package all registers every trace format and compression that spanstack knows, for its side effect:
//
//	import _ "github.com/spanstack/spanstack/tracefmt/all"
//
// Programs that need one format import that one's package instead.
package all

import (
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	_ "github.com/spanstack/spanstack/tracefmt/cloudtrace"
	_ "github.com/spanstack/spanstack/tracefmt/compress"
	_ "github.com/spanstack/spanstack/tracefmt/csv"
	_ "github.com/spanstack/spanstack/tracefmt/firefox"
	_ "github.com/spanstack/spanstack/tracefmt/folded"
	_ "github.com/spanstack/spanstack/tracefmt/fxt"
	_ "github.com/spanstack/spanstack/tracefmt/gotrace"
	_ "github.com/spanstack/spanstack/tracefmt/jaeger"
	_ "github.com/spanstack/spanstack/tracefmt/jsonl"
	_ "github.com/spanstack/spanstack/tracefmt/otlp"
	_ "github.com/spanstack/spanstack/tracefmt/parquet"
	_ "github.com/spanstack/spanstack/tracefmt/perfetto"
	_ "github.com/spanstack/spanstack/tracefmt/pprof"
	_ "github.com/spanstack/spanstack/tracefmt/spanlog"
	_ "github.com/spanstack/spanstack/tracefmt/speedscope"
	_ "github.com/spanstack/spanstack/tracefmt/stdouttrace"
	_ "github.com/spanstack/spanstack/tracefmt/zipkin"
)
