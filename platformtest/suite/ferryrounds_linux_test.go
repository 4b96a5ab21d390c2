package suite

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// roundsVariable says how many rounds TestFerryRounds takes, and seedVariable with which it starts.
const (
	roundsVariable = "SPANSTACK_ROUNDS"
	seedVariable   = "SPANSTACK_SEED"

	roundsPerWorld = 6 // to list snapshots takes its time where the processor is emulated
)

// TestFerryRounds is a user's life with zferry: he changes things, and replicates by zferry while something goes wrong. Whatever that is,
// the exit code is a documented one, what to do is said, and nothing of his is lost; the next replication brings all there is.
func TestFerryRounds(t *testing.T) {
	platform(t)
	program(t)
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv(roundsVariable), "2"))
	seed, serr := strconv.ParseUint(cmp.Or(os.Getenv(seedVariable), strconv.FormatInt(time.Now().Unix(), 10)), 10, 64)
	if err != nil || serr != nil || rounds < 1 {
		t.Fatalf("%s, %s: want numbers", roundsVariable, seedVariable)
	}
	seen := make(map[string]int)
	for done := 0; done < rounds; seed++ {
		n := min(rounds-done, roundsPerWorld)
		t.Run(fmt.Sprintf("%s=%d", seedVariable, seed), func(t *testing.T) {
			w := newWorld(t, fmt.Sprintf("world%d", seed), rand.New(rand.NewPCG(seed, 0)))
			defer w.destroy()
			for i := range n {
				begin := time.Now()
				what := w.round(i == n-1)
				seen[what]++
				t.Logf("round %d: %s; %d datasets; %v", done+i+1, what, len(w.datasets), time.Since(begin).Round(100*time.Millisecond))
				if t.Failed() {
					return
				}
			}
		})
		done += n
	}
	t.Logf("%d rounds: %v", rounds, seen)
}

// destroy makes room for the next world.
func (w *world) destroy() {
	for _, root := range []string{w.src, strings.TrimSuffix(w.dst, "/copy")} {
		for line := range strings.Lines(run(w, "zfs", "list", "-H", "-r", "-t", "snapshot", "-o", "name,userrefs", root)) {
			if name, holds, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); holds != "0" {
				run(w, "zfs", "release", "ferry", name)
			}
		}
		run(w, "zfs", "destroy", "-r", root)
	}
}

// took logs how long something took that zferry did, and what is compared then.
func (w *world) took(since time.Time) { w.Logf("  %v", time.Since(since).Round(100*time.Millisecond)) }

// round changes things, replicates while something goes wrong, and then while nothing does. It returns what that was, and what came of it.
func (w *world) round(last bool) string {
	w.Helper()
	for range 2 + w.IntN(4) {
		w.disturb()
	}
	w.count++
	w.take(fmt.Sprint(w.count), w.datasets...)
	w.note()
	what := w.suffer(mishaps[w.IntN(len(mishaps))])
	w.converge(last)
	return what
}

// flags are what this user gives to zferry, and some that differ from time to time.
func (w *world) flags() []string {
	args := []string{"-r", "--cursor", "rounds", "--jobs", itoa(1 + w.IntN(4))}
	if w.hold {
		args = append(args, "--hold", "ferry")
	}
	if w.IntN(3) == 0 {
		args = append(args, "--verify")
	}
	return args
}

// suffer replicates while something goes wrong, and returns what, and what came of it.
func (w *world) suffer(m mishap) string {
	w.Helper()
	args := append(w.flags(), "--retries", itoa(w.IntN(2)))
	if w.IntN(2) == 0 {
		args = append(args, "--limit", fmt.Sprint(250*(1+w.IntN(8)), "kB"))
	}
	mend := func() {}
	if m.before != nil {
		mend = m.before(w)
	}
	begin := time.Now()
	f := startFerry(w.T, append(args, w.src, w.dst)...)
	struck := true
	if m.during != nil {
		w.moment(f)
		struck = m.during(w, f)
	}
	code := f.wait(w.T)
	w.took(begin)
	what := fmt.Sprintf("%s, %d", m.name, code)
	if !struck {
		what = m.name + ", in vain"
	}
	w.log("zferry %v: %s", args, what)
	w.judge(f, m, code)
	w.keeps(nil)
	mend()
	return what
}

// moment waits for a random moment: sometimes of the whole run, sometimes of a receive.
func (w *world) moment(f *ferry) {
	wait := time.Duration(w.Int64N(int64(4 * time.Second)))
	if w.IntN(3) > 0 {
		wait /= 8
		for deadline := time.Now().Add(patience); childOf(f.cmd.Process.Pid, "receive") == 0 && !f.over() && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	select {
	case <-f.done:
	case <-time.After(wait):
	}
}

func (f *ferry) over() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// judge checks that zferry ended as it is documented, and says what to do.
func (w *world) judge(f *ferry, m mishap, code int) {
	w.Helper()
	out, status := f.out.String(), f.cmd.ProcessState.Sys().(syscall.WaitStatus)
	told := strings.Contains(out, "zferry: hint: ")
	switch {
	case code == 0:
		if strings.Contains(out, "zferry: error: ") {
			w.wrong("exit code 0:\n%s", out)
		}
	case code == 1 || code == 3:
		if !told || !m.mayFail {
			w.wrong("%s: exit code %d, a hint: %t\n%s", m.name, code, told, out)
		}
	case code == 130:
		if !told || m.signal == 0 {
			w.wrong("%s: exit code %d, a hint: %t\n%s", m.name, code, told, out)
		}
	case code == -1 && m.signal != 0 && status.Signal() == m.signal && (m.signal == syscall.SIGKILL || out == ""): // before it was able to listen
	default:
		w.wrong("%s: exit code %d\n%s", m.name, code, out)
	}
}

// converge replicates when nothing goes wrong any more. Everything is there then.
func (w *world) converge(last bool) {
	w.Helper()
	w.note()
	args := append(w.flags(), w.src, w.dst)
	defer w.took(time.Now())
	code, out := w.ferry(args)
	if (code == 1 || code == 3) && w.makeRoom(out) {
		code, out = w.ferry(args)
	}
	told := make(map[string]bool)
	if (code == 1 || code == 3) && len(w.destroyed) > 0 && strings.Contains(out, "this destroys them: zfs rollback -r") {
		told = w.whatIsInTheWay(args)
		startFerry(w.T, append([]string{"--destroy-diverged"}, args...)...).wants(w.T, 0)
	} else if code != 0 {
		w.wrong("it doesn't converge: exit code %d\n%s", code, out)
	}
	w.keeps(told)
	w.equal(fmt.Sprint(w.count), last)
	tokens := run(w, "zfs", "get", "-Hr", "-t", "filesystem,volume", "-o", "value", "receive_resume_token", w.dst)
	if strings.Trim(tokens, "-\n") != "" {
		w.wrong("something is left of an interrupted receive: %s", tokens)
	}
}

func (w *world) ferry(args []string) (code int, out string) {
	f := startFerry(w.T, args...)
	return f.wait(w.T), f.out.String()
}

// makeRoom moves copies away that have nothing in common with their sources any more, as zferry's hint says, and reports whether there
// were any. That happens to who destroys the only snapshot that has just arrived, before a cursor was left of it, and to nobody else.
func (w *world) makeRoom(out string) (made bool) {
	w.Helper()
	var moved string
	for _, d := range w.datasets {
		dataset := w.dst + d.path
		if made && strings.HasPrefix(d.path, moved+"/") {
			continue // along with the one above it
		}
		if !strings.Contains(out, ": "+dataset+" exists, and none of its snapshots is known to ") {
			continue
		}
		for name, guid := range w.copied {
			if strings.HasPrefix(name, dataset+"@") && !w.destroyed[guid] {
				w.wrong("%s has %s, which wasn't destroyed at the source:\n%s", dataset, name, out)
			}
		}
		made, moved = true, d.path
		to := fmt.Sprintf("%s/lost%d_%s", strings.TrimSuffix(w.dst, "/copy"), w.count, strings.ReplaceAll(d.path, "/", "_"))
		w.log("rename %s to %s", dataset, to)
		run(w, "zfs", "rename", dataset, to)
	}
	if made {
		w.note()
	}
	return made
}

// whatIsInTheWay returns the snapshots of the copy that zferry says it will destroy. keeps wants them to be ones that the user has destroyed
// at the source while they were replicated.
func (w *world) whatIsInTheWay(args []string) map[string]bool {
	w.Helper()
	out := startFerry(w.T, append([]string{"--dry-run", "--destroy-diverged"}, args...)...).wants(w.T, 0)
	told := make(map[string]bool)
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "would destroy "); ok {
			told[name] = true
		}
	}
	w.log("told to be destroyed: %v", told)
	return told
}

// childOf returns the process ID of a child that runs "zfs SUBCOMMAND", 0 if there is none.
func childOf(parent int, subcommand string) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if !strings.HasPrefix(string(args), "zfs\x00"+subcommand+"\x00") {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, err := zfstest.ReadProcess(pid); err == nil && p.Parent == parent {
			return pid
		}
	}
	return 0
}
