// Command bench compares package trace with its peers: the OpenTelemetry SDK and runtime/trace; package logging with
// log/slog, zap and zerolog; and conversions of traces with what others take to read them. It prints tables and writes
// docs/benchmarks.md; see its --help. It is a module of its own, so that spanstack depends on none of them.
//
// # What is compared
//
// A benchmark runs one loop on one or several goroutines, with one contender: a tracer or a logger. The loops of all
// tracers have the same shape: child spans below one root that stays open, the context threaded through, attributes given
// the way that each API's documentation gives them. Those of all loggers write the same line. Files are by contender:
// spanstack.go, otel.go, runtimetrace.go, and logspanstack.go, logslog.go, logzap.go, logzerolog.go; cases.go and
// logcases.go put the matrix together.
//
// # What makes it fair
//
//   - Contenders take turns within each round, and rounds go through the list in turn forwards and backwards, so that
//     what else the machine does hits all of them. The tables have medians of rounds.
//   - Every contender is warm before it is measured: the flight recorder's ring is full, and lists and pools have grown.
//   - All share one heap with 64 MiB of ballast. Without it, one that holds much memory would be rewarded with fewer
//     garbage collections than one that holds little.
//   - A small program has no such heap, and pays more for what is allocated. So spans are also measured with each tracer
//     alone in a process of its own (alone.go).
//   - Work that is left to another goroutine is not in the caller's time. So there is a column with the CPU time of the
//     whole process; and the time of lines into a file ends when what waits in a queue or a buffer is written, too.
//   - What a contender couldn't deliver is counted for all of them and has a column, since dropping is cheap. The SDK's
//     batcher has a queue that is long enough for it not to drop; what it does with its default queue is shown, too.
//     Lines are counted in the file.
//
// More measurements run in child processes of their own: a program with 64 busy goroutines and consumers that hardly read
// (load.go), the garbage collector beside a full ring (gc.go), and a program that logs to daemons which are stopped
// meanwhile (logstopped.go, logreaders.go).
//
// # Conversions
//
// Conversions and the reading that they are compared with go over the same bytes in memory, in a child process that does
// nothing else, and node's JSON.parse in a process of its own (conversions.go, convertnode.go). All ways are gone once in
// each round, in a random order, as with streams. What a way costs counts by the CPU time of its process, because garbage
// is collected on another core if there is one. What a large conversion takes of memory is measured of trace-convert
// itself, at the end of a pipe (convertmemory.go).
//
// # Streams
//
// "bench zfs" compares package zfssend with a shell's pipe and with plain copying, zferry with syncoid, and writes docs/benchmarks-zfs.md: its files are
// zfs*.go. Real replications run in the virtual machine of platformtest/vm (zfsvm.go, zfsguest.go), which is emulated: only ratios
// mean something there. Without ZFS, a stream goes from process to process (zfspipe.go), and through checksums in memory
// (zfschecksum.go). All ways are gone once in each round, in a random order. What counts is the median of the ratios of all rounds,
// with an interval that assumes nothing about their distribution (zfsseries.go).
//
// Many datasets (zfsmany.go, zfsmanypools.go) are replicated there by zferry, by syncoid, and by bare pairs of zfs send and zfs
// receive, which are the least that has to be done. All start with the same pool, byte by byte. zfs processes are counted
// apart from what is timed.
//
// # The viewer
//
// "bench viewer" writes docs/benchmarks-viewer.md (viewer.go, viewerreport.go). What it measures is BenchmarkViewer of the module
// browsertest, where the browser is, and whose output is the only thing that they share.
package main
