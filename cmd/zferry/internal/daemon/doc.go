// Package daemon runs the jobs of a configuration until it is told to stop.
//
//	d, err := daemon.New(c, daemon.Options{Steps: daemon.Real(zfssend.Client{}, "zferry 1.0")})
//	…
//	err = d.Run(ctx)
//
// # Jobs
//
// A job has up to three parts: it takes snapshots, replicates them to its targets, and prunes both sides. Package schedule says
// when they are due. Those that are due together, and those that follow them, are one run, in that order. A part that fails is
// tried again, after pauses in which other jobs run, unless that is of no use. The parts are independent, with one exception:
// nothing is pruned in a run whose replication has failed.
//
// In traces, a run is a task "job" of its own trace, with a link to the run before it. Its spans are "snapshot", "replicate"
// (with the target) and "prune" (with the side), each an attempt, and "pause" between them. What other hosts' agents do for it is there,
// too, if they let it be seen: as async spans with the attribute agent.host, below the "remote" ones that they work for.
//
// What the parts do is behind small interfaces: [Snapshotter], [Replicator], [Pruner]. [Real] are those of ZFS. A target that is
// locked by somebody else is a failure that is tried again; connections to other hosts last for a run.
//
// # Configuration
//
// [Daemon.Reload] reads the file again. Jobs that have changed are replaced when they are idle; those that haven't go on. If
// anything is wrong with it, all stays as it was, and the log and the status say so.
//
// # Looking at it
//
// [Daemon.Status] is what "zferry status" shows. It comes by the control socket, which only the daemon's user can connect to,
// and which serves
//
//	GET  /v1/status       the status as JSON
//	POST /v1/run?job=JOB  make all of a job due now
//	POST /v1/reload       read the configuration again
//	GET  /debug/trace/    traces: see package capture
//
// [Client] is the other side of it. /metrics and /healthz are served at an address of their own. Health is bad if the
// scheduler hangs, or a job is overdue or lags behind by more than its alert says.
//
// systemd is told when the daemon is ready, reloads and stops, what it does, and that it is alive, as long as the scheduler's
// loop comes around.
package daemon
