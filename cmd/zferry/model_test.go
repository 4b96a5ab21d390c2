package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// TestModelScripts run commands on a model of ZFS with the pools tank and backup, each script on its own.
func TestModelScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/model", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			model, err := modelPools(env.T().(testing.TB))
			if err != nil {
				return err
			}
			bin := filepath.Join(env.WorkDir, "bin")
			if err := os.MkdirAll(bin, 0o700); err != nil {
				return err
			}
			if err := installZFS(bin, model); err != nil {
				return err
			}
			env.Values["model"] = model
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return streams(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "write": write, "clock": clock, "summarize": summarize, "await": await, "signal": signalProcess}})
}

// modelPools returns a model with the pools tank and backup.
func modelPools(t testing.TB) (*zfsmodel.Model, error) {
	t.Helper()
	model := zfstest.Model(t)
	return model, model.CreatePool("backup")
}

// installZFS puts a model's zfs into a directory. The model knows what it is by the path that it is started with.
func installZFS(bin string, model *zfsmodel.Model) error {
	script := "#!/bin/sh\nexec " + model.Command()[0] + ` "$@"` + "\n"
	return os.WriteFile(filepath.Join(bin, "zfs"), []byte(script), 0o700)
}

// write DATASET FILE SIZE writes a file of so many bytes.
func write(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: write DATASET FILE SIZE")
	}
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(ts.Value("model").(*zfsmodel.Model).Write(args[0], args[1], bytes.Repeat([]byte("zfs!"), size/4)))
}

// clock AGE sets the model's clock back by a length of time, such as 72h.
func clock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: clock AGE")
	}
	age, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(ts.Value("model").(*zfsmodel.Model).ShiftClock(-age))
}

// summarize FILE writes the tree of a trace's slices to the file "summary".
func summarize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: summarize FILE")
	}
	in, err := tracefmt.NewReader(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	var all timeline.Timeline
	_, err = all.Read(in)
	ts.Check(err)
	var sum summary.Summary
	for e := range all.Events() {
		sum.Add(e)
	}
	sum.Finish()
	var out strings.Builder
	ts.Check(sum.WriteText(&out, summary.Style{}))
	ts.Check(os.WriteFile(ts.MkAbs("summary"), []byte(out.String()), 0o600))
}
