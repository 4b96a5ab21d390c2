// Package spanstack has no code of its own: it is the root of a module whose packages are for import.
//
//   - trace: tasks and spans in a context, and the flight recorder
//   - trace/capture: traces of a running program as files
//   - logging: loggers whose lines carry the ID stack
//   - tracefmt: reading and writing of trace formats
//   - zfssend: sending and receiving of ZFS streams
package spanstack
