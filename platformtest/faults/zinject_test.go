package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// What zinject, zpool status and zpool iostat of OpenZFS 2.1.11 said, and zinject of 2.4.4.
const (
	delayHandlers = ` ID  POOL             DELAY (ms)       LANES            GUID
---  ---------------  ---------------  ---------------  ----------------
  1  p                15               1                e406cfc7abcf58e3
  2  p                15               1                2fe99e6793787dd7

`
	deviceHandlers = ` ID  POOL             GUID
---  ---------------  ----------------
 13  p                e406cfc7abcf58e3
`
	countedHandlers = ` ID  POOL             GUID              TYPE   ERROR       FREQ       MATCH   INJECT
---  ---------------  ----------------  -----  ----------  ---------  ------  ------
  3  p                a33499ffbf8a273a  write  io          100.0000%      93      93
  4  p                a67f970b249ac5b9  write  io          100.0000%      91      90
`
	noHandlers = "No handlers registered.\nRun 'zinject -h' for usage information.\n"

	poolStatus = `  pool: p
 state: ONLINE
status: One or more devices has experienced an unrecoverable error.  An
	attempt was made to correct the error.  Applications are unaffected.
config:

	NAME        STATE     READ WRITE CKSUM
	p           ONLINE       0     0     0
	  mirror-0  ONLINE       0   144     0
	    /tmp/a  ONLINE       0   177     0
	    /tmp/b  ONLINE       0   176     0

errors: No known data errors
`
	latencies = "\np\n" +
		"4194303\t1\t28\t0\t26\t0\t0\t0\t20\t0\t0\n" +
		"8388607\t5\t39\t5\t26\t0\t0\t0\t14\t0\t0\n" +
		"16777215\t0\t42\t0\t10\t0\t0\t0\t30\t0\t0\n" +
		"33554431\t0\t39\t0\t75\t0\t0\t0\t25\t0\t0\n"
)

func TestHandlers(t *testing.T) {
	for _, tt := range []struct {
		text     string
		n        int
		injected int64
	}{
		{delayHandlers, 2, -1},
		{deviceHandlers, 1, -1},
		{delayHandlers + deviceHandlers, 3, -1},
		{countedHandlers, 2, 183},
		{noHandlers, 0, -1},
		{"", 0, -1},
	} {
		if n, injected := handlers(tt.text); n != tt.n || injected != tt.injected {
			t.Errorf("%d handlers, %d times, want %d, %d, in:\n%s", n, injected, tt.n, tt.injected, tt.text)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for _, tt := range []struct {
		vdevs []string
		want  int64
	}{{[]string{"/tmp/a", "/tmp/b"}, 353}, {[]string{"/tmp/b"}, 176}, {[]string{"/tmp/c"}, 0}} {
		if got := writeErrors(poolStatus, tt.vdevs); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.vdevs, got, tt.want)
		}
	}
}

func TestParseLatencies(t *testing.T) {
	got, err := parseLatencies(latencies)
	if want := (accesses{slow: 85, quick: 57}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "\np\n", strings.Replace(latencies, "28", "1K", 1)} {
		if got, err := parseLatencies(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

// process is a process as those who send it signals see it.
type process struct {
	pid  int
	done chan struct{}
}

func (p *process) PID() int              { return p.pid }
func (p *process) Done() <-chan struct{} { return p.done }

// TestKillMisses: a signal to a process that has ended is none, whether somebody has waited for it or not.
func TestKillMisses(t *testing.T) {
	start := func(name string, args ...string) (*exec.Cmd, *process) {
		cmd := exec.Command(name, args...)
		if err := cmd.Start(); err != nil {
			t.Skip(err)
		}
		return cmd, &process{cmd.Process.Pid, make(chan struct{})}
	}
	ended, zombie := start("true")
	if err := await(t.Context(), "the end of true", func() bool { return isZombie(zombie.pid) }); err != nil {
		t.Skip(err) // no /proc
	}
	running, alive := start("sleep", "60")
	t.Cleanup(func() { running.Process.Kill(); running.Wait() })
	waited := &process{zombie.pid, make(chan struct{})}
	close(waited.done)
	for _, tt := range []struct {
		name   string
		ends   []finishedProcess
		missed bool
	}{
		{"a zombie", []finishedProcess{zombie}, true},
		{"one that was waited for", []finishedProcess{waited}, true},
		{"one that runs", []finishedProcess{alive}, false},
		{"one of two", []finishedProcess{zombie, alive}, false},
	} {
		a := &attempt{}
		a.kill(syscall.SIGCONT, tt.ends...)
		if a.Missed != tt.missed || tt.missed != strings.HasSuffix(a.Detail, "had ended") && len(tt.ends) == 1 {
			t.Errorf("%s: missed %t, want %t; %q", tt.name, a.Missed, tt.missed, a.Detail)
		}
	}
	ended.Wait()
}
