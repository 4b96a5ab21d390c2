package main

import (
	"errors"
	"fmt"
	"strings"
)

// A claim is a sentence of docs/openzfs-12500.md about a case. It is checked against every result of that case.
type claim struct {
	cases string // names, with blanks between
	text  string
	holds func(taskq bool, r Result) bool
}

var claims = []claim{
	{"kill kill-R kill-Lec kill-w term close kill-close close-kill kill-read holder stop",
		"a send that is blocked on a pipe sleeps uninterruptibly, and a kernel thread writes, if and only if sends write through a taskq",
		func(taskq bool, r Result) bool {
			if r.Blocked == nil || len(r.Blocked.Threads) == 0 {
				return false
			}
			main, writers := r.Blocked.Threads[0], r.Blocked.Writers
			if !taskq {
				return main.State == "S" && main.WChan == "pipe_write" && len(writers) == 0
			}
			return main.State == "D" && strings.HasPrefix(main.WChan, "taskq_wait") && len(writers) == 1 && writers[0].WChan == "pipe_write"
		}},
	{"kill kill-R kill-Lec kill-w", "SIGKILL ends it, unless sends write through a taskq: then closing the read end does",
		func(taskq bool, r Result) bool { return r.endedBy(kill) == !taskq && r.endedBy(closing) == taskq }},
	{"term", "so it is with SIGTERM",
		func(taskq bool, r Result) bool { return r.endedBy(term) == !taskq && r.endedBy(closing) == taskq }},
	{"close", "closing the read end is enough",
		func(taskq bool, r Result) bool {
			if taskq {
				return r.endedBy(closing) && r.Ended == "exit 1" && strings.Contains(r.Stderr, "signal received")
			}
			return r.endedBy(closing) && r.Ended == "broken pipe"
		}},
	{"kill-close", "killing and closing end it", func(_ bool, r Result) bool { return r.Ended != "" && !r.endedBy(release) }},
	{"close-kill", "so do closing and killing", func(_ bool, r Result) bool { return r.Ended != "" }},
	{"kill-read", "reading ends a send that was killed", func(_ bool, r Result) bool { return r.Ended == "killed" && !r.endedBy(closing) }},
	{"holder", "closing doesn't end it while another process has the read end, if sends write through a taskq",
		func(taskq bool, r Result) bool { return r.endedBy(release) == taskq }},
	{"stop", "a send that was stopped fails when it is continued",
		func(_ bool, r Result) bool {
			return r.Ended == "exit 1" && strings.Contains(r.Stderr, "signal received")
		}},
	{"receive", "SIGKILL ends a receive", func(_ bool, r Result) bool { return r.endedBy(kill) && r.Ended == "killed" }},
	{"socket-close socket-kill", "a send to a socket ends with the socket; with a taskq it may take reading from its inner pipe",
		func(taskq bool, r Result) bool { return r.Ended != "" && (taskq || !r.endedBy(rescue)) }},
	{"kill", "other commands work meanwhile, but for those that need the snapshot or the pool for themselves",
		func(taskq bool, r Result) bool {
			s, _ := r.step(others)
			for _, o := range s.Commands {
				exclusive := strings.HasPrefix(o.Command, "zpool export ") || strings.HasPrefix(o.Command, "zfs destroy ") && strings.HasSuffix(o.Command, "@kill")
				if busy := strings.HasSuffix(o.Result, " is busy"); busy != (taskq && exclusive) || !busy && o.Result != "ok" {
					return false
				}
			}
			return len(s.Commands) > 5
		}},
}

// endedBy reports whether the process ended in the time that it was given after the action.
func (r Result) endedBy(action string) bool {
	s, _ := r.step(action)
	return s.Ended
}

// check returns the claims that results contradict.
func check(report Report) error {
	var errs []error
	checked := 0
	for _, c := range claims {
		for _, name := range strings.Fields(c.cases) {
			for _, r := range report.of(name) {
				checked++
				if !c.holds(report.TaskQ, r) {
					errs = append(errs, fmt.Errorf("%s, case %s: it is not true that %s: %s; %s", report.name(), name, c.text, outcome(r, true), r.Stderr))
				}
			}
		}
	}
	if checked == 0 {
		return errors.New("no claim is about these cases")
	}
	return errors.Join(errs...)
}
