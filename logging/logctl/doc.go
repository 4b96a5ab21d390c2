// Package logctl changes what a running program logs: by HTTP, and by a signal.
//
//	levels := logctl.New()
//	level := levels.Var("", logging.Levels{})
//	h := logging.NewHandler(os.Stderr, logging.Options{LevelVar: level})
//	mux.Handle("/debug/log/levels", levels)
//	defer levels.OnSignal(syscall.SIGUSR1)()
//
// Then, with curl:
//
//	curl localhost:6060/debug/log/levels                            shows the levels, as in "info,zfs=debug"
//	curl -X PUT -d warn,zfs=debug localhost:6060/debug/log/levels   sets them
//	curl -X PATCH -d net=debug localhost:6060/debug/log/levels      changes those that are named
//	curl -X DELETE localhost:6060/debug/log/levels                  restores those that the program began with
//
// Outlets that have levels of their own are addressed with ?outlet=NAME. An answer to "Accept: application/json" has
// those of all.
//
// The signal is for when there is no HTTP: at the first time, all is logged, and at the next one as before.
package logctl
