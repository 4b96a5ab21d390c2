package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/npmtest"
)

// profilerCLI is Firefox Profiler's own loader as a program. It asks for node 24, but what we use of it runs with 20.
type profilerCLI struct {
	script   string
	dir      string // of its sessions
	env      []string
	sessions int
}

func startProfilerCLI(t *testing.T) *profilerCLI {
	t.Helper()
	modules := filepath.Join(npmtest.Install(t, "testdata/npm"), "node_modules")
	home := t.TempDir()
	return &profilerCLI{
		script: filepath.Join(modules, "@firefox-devtools", "profiler-cli", "dist", "profiler-cli.js"),
		dir:    home,
		env:    append(os.Environ(), "HOME="+home, "PROFILER_CLI_SESSION_DIR="+home, "PROFILER_CLI_NO_SYMBOLICATE=1"),
	}
}

func (p *profilerCLI) run(args ...string) ([]byte, error) {
	cmd := exec.Command("node", append([]string{p.script}, args...)...)
	cmd.Env = p.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("profiler-cli %s: %w\n%s%s", strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// load starts the program that answers questions about a file, in a session of its own. The command "load" would start it,
// too, but gives up after half a second, and leaves it behind.
func (p *profilerCLI) load(t *testing.T, file string) (session string, stop func()) {
	t.Helper()
	p.sessions++
	session = fmt.Sprint("s", p.sessions)
	daemon := exec.Command("node", p.script, "--daemon", file, "--session", session)
	daemon.Env = p.env
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- daemon.Wait() }()
	stop = func() {
		daemon.Process.Kill()
		<-done
	}
	for deadline := time.Now().Add(time.Minute); ; {
		err := p.ready(session)
		switch {
		case err == nil:
			return session, stop
		case time.Now().After(deadline), strings.Contains(err.Error(), "load failed"):
			stop()
			t.Fatal(err)
		}
		select {
		case exit := <-done:
			done <- exit
			t.Fatalf("%s isn't loaded: %v; %v", file, exit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ready asks whether a session's file is loaded, if it has published that it listens: who asks before takes it for one that
// is gone, and removes its socket, and what it publishes meanwhile.
func (p *profilerCLI) ready(session string) error {
	published, err := os.ReadFile(filepath.Join(p.dir, session+".json"))
	if err != nil {
		return err
	}
	if !json.Valid(published) {
		return fmt.Errorf("what session %s has published isn't complete", session)
	}
	_, err = p.run("thread", "list", "--session", session)
	return err
}

// shown returns what the loader makes of a file: threads with their markers, in ns from the start of the profile.
func (p *profilerCLI) shown(t *testing.T, file string) (list []string) {
	t.Helper()
	session, stop := p.load(t, file)
	defer stop()
	query := func(result any, args ...string) {
		t.Helper()
		out, err := p.run(append(args, "--json", "--session", session)...)
		if err == nil {
			err = json.Unmarshal(out, result)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var threads struct {
		Threads []struct {
			ThreadHandle, Name, ProcessName, Pid string
		}
	}
	query(&threads, "thread", "list", "--sort", "name")
	for _, th := range threads.Threads {
		list = append(list, fmt.Sprintf("thread %s of %s, pid %s", th.Name, th.ProcessName, th.Pid))
		var markers struct {
			FlatMarkers []struct {
				Name, Category, MarkerType string
				Start, Duration            float64
			}
		}
		query(&markers, "thread", "markers", "--list", "--limit", "0", "--thread", th.ThreadHandle)
		var own []string
		for _, m := range markers.FlatMarkers {
			own = append(own, fmt.Sprintf("%s (%s, %s): %v+%v", m.Name, m.Category, m.MarkerType, math.Round(m.Start*1e6), math.Round(m.Duration*1e6)))
		}
		slices.Sort(own)
		list = append(list, own...)
	}
	return list
}

// TestFirefoxProfiler has Firefox Profiler load what we write, and compares what it shows with it.
func TestFirefoxProfiler(t *testing.T) {
	program := build(t, t.TempDir(), "./cmd/trace-convert")
	p := startProfilerCLI(t)
	for _, trace := range traces {
		t.Run(filepath.Base(trace), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.profile.json")
			convert(t, program, trace, "firefox", file)
			got, want := p.shown(t, file), inProfile(t, file)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("it shows\n%s\nthe file has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// inProfile returns what a file has, in the form of shown.
func inProfile(t *testing.T, file string) (list []string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var profile struct {
		Meta    struct{ Categories []struct{ Name string } }
		Shared  struct{ StringArray []string }
		Threads []struct {
			Name, ProcessName, Pid string
			Samples                struct{ Time []float64 }
			Markers                struct {
				Name, Phase, Category []int
				StartTime, EndTime    []float64
				Data                  []struct{ Type string }
			}
		}
	}
	if err := json.Unmarshal(data, &profile); err != nil {
		t.Fatal(err)
	}
	for _, th := range profile.Threads {
		list = append(list, fmt.Sprintf("thread %s of %s, pid %s", th.Name, th.ProcessName, th.Pid))
		first, last := th.Samples.Time[0], th.Samples.Time[1]+0.001 // an interval longer
		for i, m := 0, th.Markers; i < len(m.Name); i++ {
			duration := 0.0
			switch m.Phase[i] {
			case 1:
				duration = m.EndTime[i] - m.StartTime[i]
			case 2:
				duration = last - m.StartTime[i] // it shows what never ended up to the end
			}
			list = append(list, fmt.Sprintf("%s (%s, %s): %v+%v", profile.Shared.StringArray[m.Name[i]], profile.Meta.Categories[m.Category[i]].Name,
				m.Data[i].Type, math.Round((m.StartTime[i]-first)*1e6), math.Round(duration*1e6)))
		}
	}
	return list
}
