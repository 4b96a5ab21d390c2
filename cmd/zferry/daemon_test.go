package main

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
)

// TestDaemonScripts covers the commands daemon, status, config and import-config, with a zfs that is a few lines of shell.
func TestDaemonScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/daemon", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=10")
			env.Setenv("EXAMPLE_LISTEN", config.DefaultListen)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "await": await, "signal": signalProcess}})
}

// await FILE REGEXP waits until a file has a match.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	path, text := ts.MkAbs(args[0]), []byte(nil)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if text, err = os.ReadFile(path); err == nil && re.Match(text) {
			return
		}
	}
	ts.Fatalf("%s has no match for %q: %s, %v", args[0], args[1], text, err)
}

// signalProcess NAME FILE sends a signal to the process whose number is in a file.
func signalProcess(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}
	if neg || len(args) != 2 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal HUP|TERM FILE")
	}
	var pid int
	for _, c := range strings.TrimSpace(ts.ReadFile(args[1])) {
		pid = pid*10 + int(c-'0')
	}
	ts.Check(syscall.Kill(pid, signals[args[0]]))
}

// TestStatusTable renders a status with one of everything.
func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	s := &daemon.Status{Now: now, Alive: true, Config: daemon.ConfigStatus{Error: "a:1: wrong\na:2: too", Restart: []string{"listen"}}, Jobs: []daemon.JobStatus{
		{Name: "home", State: daemon.StateRunning, Next: now.Add(5 * time.Minute), LastSuccess: now.Add(-3 * time.Hour), Failed: true,
			LastError: "replicate nas: lost\nmore", LastErrorAt: now.Add(-time.Minute), Alerts: []string{"nas lags behind by more than 1h"},
			Step:    &daemon.StepStatus{Step: "replicate", Target: "nas:pool", Attempt: 2, Since: now.Add(-90 * time.Second), Dataset: "tank/home/joe", Bytes: 5 << 30, Done: 2, Total: 7},
			Targets: []daemon.TargetStatus{{To: "nas:pool", Datasets: 7, LagSeconds: 11000, Known: true, Alert: true}, {To: "usb/home"}}},
		{Name: "m", State: daemon.StateRunning, Stuck: true, Step: &daemon.StepStatus{Step: "prune", Attempt: 1, Since: now.Add(-time.Hour), Moved: now.Add(-26 * time.Hour)}},
		{Name: "p", State: daemon.StatePausing, Step: &daemon.StepStatus{Step: "snapshot", Attempt: 1, Until: now.Add(90 * time.Second), Error: "no\nway"}},
		{Name: "idle", State: daemon.StateIdle, LastSuccess: now.Add(-10 * time.Second), Next: now.Add(-time.Second)},
	}}
	want := `WARNING: 3 problems; the first: job home failed: replicate nas: lost …
The configuration has changed and isn't used, since it is wrong:
  a:1: wrong
  a:2: too
A restart is needed for: listen
JOB            STATE           LAST SUCCESS  NEXT   LAG
home           running         3h ago        in 5m
  to nas:pool  7 datasets                           3h3m
  to usb/home  0 datasets                           nothing there yet
m              STUCK for 1d2h  never         -
p              pausing         never         -
idle           idle            10s ago       now
home: replicate nas:pool for 1m30s, attempt 2: tank/home/joe, 2 of 7 steps done, 5.0 GiB
home: error 1m ago: replicate nas: lost
home: nas lags behind by more than 1h
m: prune for 1h
p: snapshot failed, attempt 2 follows in 1m30s: no
`
	if got := (painter{}).status(s); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	coloured := painter{on: true}.status(s)
	if plainText := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(coloured, ""); plainText != want || plainText == coloured {
		t.Errorf("with colours:\n%q", coloured)
	}
	if got := (painter{}).status(&daemon.Status{Alive: true, Jobs: s.Jobs[3:]}); !strings.HasPrefix(got, "OK: all is well with 1 job\n") {
		t.Errorf("%s", got)
	}
}
