package suite

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestKilledZferry stops the receiver of a replication, so that zfs send blocks on its full pipe, and kills zferry with
// SIGKILL. Its trace must show what was stuck, as open, with the last log line on it, and still be one that tools read;
// and zfs send must end, since nobody has the read end of its pipe any more.
func TestKilledZferry(t *testing.T) {
	platform(t)
	zferry := os.Getenv("SPANSTACK_ZFERRY")
	if zferry == "" {
		t.Skip("SPANSTACK_ZFERRY is not set: it names the program zferry")
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil { // so that the orphans are ours to wait for
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

	dir := cmp.Or(os.Getenv("SPANSTACK_OUT"), t.TempDir()) // whoever runs the suite may want to see the files
	trace := filepath.Join(dir, "killed.json")
	log := filepath.Join(dir, "killed.log")
	cmd := exec.Command(zferry, "replicate", "--trace", trace, "--log-file", log, "--log-format", "logfmt", "--log-level", "debug",
		source().name+"/data", destination().name+"/killed")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	receive := awaitChild(t, cmd.Process.Pid, "receive", "")
	unix.Kill(receive, unix.SIGSTOP)
	send := awaitChild(t, cmd.Process.Pid, "send", "")
	awaitBlocked(t, send)
	stuck := awaitStuck(t, trace, log)
	cmd.Process.Kill()
	cmd.Wait()

	within("zfs send", func() { wait4(t, send) })
	unix.Kill(receive, unix.SIGKILL)
	within("zfs receive", func() { wait4(t, receive) })
	checkKilledTrace(t, trace, log, stuck)
	if stderr.Len() > 0 {
		t.Errorf("zferry said: %s", &stderr)
	}
}

// awaitChild waits for a child of a process that runs "zfs SUBCOMMAND" with an argument that begins with about, and returns its process ID.
func awaitChild(t *testing.T, parent int, subcommand, about string) int {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			p, err := zfstest.ReadProcess(pid)
			if err != nil || p.Parent != parent {
				continue
			}
			args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			if bytes.HasPrefix(args, []byte("zfs\x00"+subcommand+"\x00")) && bytes.Contains(args, []byte("\x00"+about)) {
				return pid
			}
		}
	}
	t.Fatalf("process %d didn't start zfs %s", parent, subcommand)
	return 0
}

// awaitStuck waits until zferry has written that zfs send runs, to its log and to its trace, and returns the span's ID.
func awaitStuck(t *testing.T, trace, log string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		line := lastLineOf(log, "zfs send")
		if line == "" {
			continue
		}
		id := lastID(line)
		text, _ := os.ReadFile(trace)
		if _, after, ok := bytes.Cut(text, []byte(`"spanstack.id":"`+id)); ok && bytes.Contains(after, []byte(`"cat":"open"`)) && bytes.Contains(after, []byte(`"spanstack.parent":"`+id)) {
			return id
		}
	}
	text, _ := os.ReadFile(log)
	t.Fatalf("trace and log don't show a zfs send; the log:\n%s", text)
	return ""
}

// lastLineOf returns the last line of a log that was written in a task with this command.
func lastLineOf(log, command string) (last string) {
	f, err := os.Open(log)
	if err != nil {
		return ""
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		if strings.Contains(in.Text(), `"`+command+" ") {
			last = in.Text()
		}
	}
	return last
}

// lastID returns the innermost member of a log line's ID stack.
func lastID(line string) string {
	_, rest, _ := strings.Cut(line, " trace=")
	stack, _, _ := strings.Cut(rest, " ")
	ids := strings.FieldsFunc(stack, func(r rune) bool { return strings.ContainsRune("/.~", r) })
	if len(ids) == 0 {
		return "?"
	}
	return ids[len(ids)-1]
}

// checkKilledTrace wants the span of that ID open, below the open step of the open replication, with the log's last line
// of it on it, and a summary that shows them as open.
func checkKilledTrace(t *testing.T, path, log, id string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]*tracefmt.Event{}
	stacks := map[tracefmt.TrackID][]string{}
	lines := map[string][]string{}
	r := tracefmt.Lookup("chrome").NewReader(bytes.NewReader(text))
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the trace can't be read: %v", err)
		}
		switch e.Kind {
		case tracefmt.Begin:
			open[e.ID] = e.Clone()
			stacks[e.Track] = append(stacks[e.Track], e.ID)
		case tracefmt.End:
			s := stacks[e.Track]
			delete(open, s[len(s)-1])
			stacks[e.Track] = s[:len(s)-1]
		case tracefmt.Log:
			lines[e.Parent] = append(lines[e.Parent], e.Name)
		}
	}
	var names []string
	for e := open[id]; e != nil; e = open[e.Parent] {
		names = append(names, e.Name)
	}
	slices.Reverse(names)
	if got := strings.Join(names, " > "); got != "replicate > datasets > worker > dataset > step > zfs send" {
		t.Errorf("open and around %s is %q", id, got)
	}
	if e := open[id]; e != nil && !strings.HasPrefix(e.Attr("process.command_line").String(), "zfs send ") {
		t.Errorf("the stuck span doesn't say what it runs: %v", e.Attrs)
	}
	last := lastLineOf(log, "zfs send")
	if got := lines[id]; len(got) == 0 || !strings.Contains(last, fmt.Sprintf("msg=%q", got[len(got)-1])) && !strings.Contains(last, "msg="+got[len(got)-1]+" ") {
		t.Errorf("lines on the stuck span are %q; the log's last one is %s", got, last)
	}
	var table strings.Builder
	var whole timeline.Timeline
	if _, err := whole.Read(tracefmt.Lookup("chrome").NewReader(bytes.NewReader(text))); err != nil {
		t.Error(err)
	}
	var sum summary.Summary
	for e := range whole.Events() {
		sum.Add(e)
	}
	sum.Finish()
	if err := sum.WriteText(&table, summary.Style{}); err != nil {
		t.Error(err)
	}
	if n := strings.Count(table.String(), "[open for "); n != 7 {
		t.Errorf("the summary shows %d paths as open, want those down to the step, zfs send and zfs receive", n)
	}
	t.Logf("the trace of the killed zferry:\n%s", &table)
}

func wait4(t *testing.T, pid int) {
	t.Helper()
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Errorf("wait for process %d: %v", pid, err)
		}
		return
	}
}
