package trigger

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// TestCaps writes many dumps into a directory with files of others.
func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{MaxFiles: 3, Interval: -1, Delay: -1})
		program := w.folder.program
		foreign := []string{
			"notes.txt",
			"other-20000101T000000.000Z-slow-1.json",                             // another program's
			program + "-20000101T000000.000Z-slow-1",                             // no ending
			program + "-20000101T000000.000Z-slow-1.json~",                       // an editor's
			program + "-20000101T000000.000Z-slow-x.json",                        // no process
			program + "-20000101T000000Z-slow-1.json",                            // another time
			program + "x-20000101T000000.000Z-slow-1.json",                       // a program whose name begins as ours
			"x" + program + "-20000101T000000.000Z-slow-1.json",                  // or ends
			"keep-" + program + "-20000101T000000.000Z-slow-1.json",              // renamed by somebody who wants it
			"." + program + "-20000101T000000.000Z-slow-1.json.tmp",              // being written by another process
			"." + program + "-20000101T000000.000Z-slow-1.json.tmp.bak",          // not ours
			program + "-20000101T000000.000Z-slow-1.json\n",                      // odd
			strings.ToUpper(program) + "-20000101T000000.000Z-slow-1.json",       // not this program
			program + "-20000101T000000.000Z-slow-1-20000101T000000.000Z.folder", // below
		}
		for _, name := range foreign {
			if err := os.WriteFile(filepath.Join(w.c.Dir, name), make([]byte, 100), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		dir, link := program+"-20000101T000000.000Z-slow-2.json", program+"-20000101T000000.000Z-slow-3.json"
		if err := os.Mkdir(filepath.Join(w.c.Dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("notes.txt", filepath.Join(w.c.Dir, link)); err != nil {
			t.Fatal(err)
		}
		foreign = append(foreign, dir, link)
		ours := []string{program + "-20000101T000000.000Z-slow-99.json", program + "-20000101T000000.000Z-slow-99.gotrace"} // of another process
		for _, name := range ours {
			if err := os.WriteFile(filepath.Join(w.c.Dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var written []string
		for i := range 6 {
			path, err := w.Dump(w.ctx, fmt.Sprint(i))
			if err != nil {
				t.Fatal(err)
			}
			written = append(written, filepath.Base(path))
			if i == 1 { // there is room for three
				for _, name := range ours {
					if _, err := os.Stat(filepath.Join(w.c.Dir, name)); err != nil {
						t.Error(err)
					}
				}
			}
			time.Sleep(time.Second)
		}
		want := append(foreign, written[3:]...)
		slices.Sort(want)
		if got := names(t, w.c.Dir); !slices.Equal(got, want) {
			t.Errorf("left are\n%q\nwant\n%q", got, want)
		}
	})
}

// TestMaxBytes wants the directory never to have more, once a dump is there.
func TestMaxBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{Recorder: trace.NewRecorder(trace.Config{Bytes: 1 << 16}), MaxBytes: 200_000, MaxFiles: 1000, Interval: -1})
		most := 0
		for i := range 40 {
			for range 2 * i {
				_, task := trace.WithTask(w.ctx, "task")
				task.End()
			}
			if _, err := w.Dump(w.ctx, "now"); err != nil {
				t.Fatal(err)
			}
			all, err := w.folder.dumps()
			if err != nil {
				t.Fatal(err)
			}
			bytes := int64(0)
			for _, d := range all {
				bytes += d.bytes
			}
			if most = max(most, len(all)); bytes > w.c.MaxBytes {
				t.Fatalf("%d bytes in %d files", bytes, len(all))
			}
		}
		all, _ := w.folder.dumps()
		if most < 5 || len(all) < 1 || len(all) >= most {
			t.Errorf("at most %d files, %d at the end: what does this test?", most, len(all))
		}
	})
}

// TestUnfinishedDumps are deleted if nobody can be at work on them any more.
func TestUnfinishedDumps(t *testing.T) {
	f := newFolder(Config{Dir: t.TempDir(), MaxFiles: 3, MaxBytes: 1000})
	old, recent := "."+f.program+"-20000101T000000.000Z-slow-1.json.tmp", "."+f.program+"-20000101T000000.000Z-slow-1.gotrace.tmp"
	for _, name := range []string{old, recent, ".x.tmp"} {
		if err := os.WriteFile(filepath.Join(f.path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * staleTemp)
	for _, name := range []string{old, ".x.tmp"} {
		if err := os.Chtimes(filepath.Join(f.path, name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.makeRoom(1); err != nil {
		t.Fatal(err)
	}
	if got := names(t, f.path); !slices.Equal(got, []string{recent, ".x.tmp"}) {
		t.Errorf("left are %q", got)
	}
}

func TestNamesAreOurs(t *testing.T) {
	f := newFolder(Config{})
	for trigger, want := range map[string]string{
		"slow":                  "slow",
		"slow+failed":           "slow+failed",
		"Log / Größe\n..":       "log---gr--e---",
		"":                      "-",
		strings.Repeat("a", 99): strings.Repeat("a", maxTriggerName),
	} {
		stem := f.stem(trigger)
		if !f.own.MatchString(stem+".json.gz") || !f.temps.MatchString(tempPrefix+stem+goTraceEnding+tempSuffix) {
			t.Errorf("%q isn't one of ours", stem)
		}
		if !strings.Contains(stem, "Z-"+want+"-") {
			t.Errorf("the name of %q is %q", trigger, stem)
		}
	}
}
