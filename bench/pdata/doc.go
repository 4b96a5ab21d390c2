// Package pdata compares tracefmt/otlp with pdata, the OpenTelemetry Collector's own code for OTLP: what the one writes
// the other reads, and how long either takes. There is nothing in it but tests and benchmarks.
//
//	go test -bench . ./pdata
package pdata
