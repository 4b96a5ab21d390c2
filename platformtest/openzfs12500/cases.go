package main

// A Case is an experiment: a zfs command, what its output is, and what is done to it once it is blocked.
type Case struct {
	Name    string
	Title   string
	Options []string // of zfs send
	Output  string   // what its stdout is; a pipe if empty
	Receive bool     // zfs receive on a pipe into which nobody writes, instead of zfs send
	Holder  bool     // another process has the read end, too
	Steps   []Step
	Times   int // how often to run it, since a race decides; once if 0
}

// A Step is an action, after which the process has time to end, if there is to be a wait.
type Step struct {
	Action string
	Wait   bool
}

// The actions.
const (
	kill    = "SIGKILL"
	term    = "SIGTERM"
	stop    = "SIGSTOP"
	cont    = "SIGCONT"
	closing = "close"   // of our read end, or our end of the socket
	drain   = "read"    // all that comes, until the end of the output
	release = "release" // end the other process that has the read end
	rescue  = "rescue"  // read from a pipe that the process itself holds, opened by way of /proc/PID/fd
	others  = "others"  // run other commands of ZFS
	nothing = "nothing" // just wait for its end
)

// Cases returns all cases. Those that may leave a process behind come last.
func Cases() []Case {
	killed := []Step{{kill, true}, {closing, true}}
	return []Case{
		{Name: "kill", Title: "SIGKILL; close the read end if it is still there then", Steps: []Step{{kill, true}, {others, false}, {closing, true}}},
		{Name: "kill-R", Title: "the same for zfs send -R", Options: []string{"-R"}, Steps: killed},
		{Name: "kill-Lec", Title: "the same for zfs send -Lec", Options: []string{"-Lec"}, Steps: killed},
		{Name: "kill-w", Title: "the same for zfs send -w", Options: []string{"-w"}, Steps: killed},
		{Name: "term", Title: "SIGTERM; close the read end if it is still there then", Steps: []Step{{term, true}, {closing, true}}},
		{Name: "close", Title: "close the read end, no signal", Steps: []Step{{closing, true}, {kill, true}}},
		{Name: "kill-close", Title: "SIGKILL, and at once close the read end", Steps: []Step{{kill, false}, {closing, true}}},
		{Name: "close-kill", Title: "close the read end, and at once SIGKILL", Steps: []Step{{closing, false}, {kill, true}}},
		{Name: "kill-read", Title: "SIGKILL, and at once read what comes", Steps: []Step{{kill, false}, {drain, true}, {closing, true}}},
		{Name: "holder", Title: "SIGKILL and close, while another process has the read end as well; then end that one", Holder: true,
			Steps: []Step{{kill, false}, {closing, true}, {release, true}}},
		{Name: "stop", Title: "SIGSTOP, SIGCONT, then read what comes", Steps: []Step{{stop, false}, {cont, false}, {drain, true}, {closing, true}}},
		{Name: "receive", Title: "SIGKILL to a zfs receive -s that waits for the rest of its stream", Receive: true, Steps: killed},
		{Name: "file", Title: "output to a file", Output: "file", Steps: []Step{{nothing, true}}},
		{Name: "null", Title: "output to /dev/null", Output: "null", Steps: []Step{{nothing, true}}},
		{Name: "socket-close", Title: "output to an AF_UNIX socket: close the other end, no signal", Output: "socket",
			Steps: []Step{{closing, true}, {kill, true}, {rescue, true}}, Times: 5},
		{Name: "socket-kill", Title: "output to an AF_UNIX socket: SIGKILL; close the other end if it is still there then", Output: "socket",
			Steps: []Step{{kill, true}, {closing, true}, {rescue, true}}, Times: 5},
	}
}
