package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestModelScripts run commands on a model of ZFS with the pools tank and backup, each script on its own.
func TestModelScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/model", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			model := zfstest.Model(env.T().(testing.TB))
			if err := model.CreatePool("backup"); err != nil {
				return err
			}
			bin := filepath.Join(env.WorkDir, "bin")
			if err := os.Mkdir(bin, 0o700); err != nil {
				return err
			}
			// The model knows what it is by the path that it is started with.
			script := "#!/bin/sh\nexec " + model.Command()[0] + ` "$@"` + "\n"
			if err := os.WriteFile(filepath.Join(bin, "zfs"), []byte(script), 0o700); err != nil {
				return err
			}
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return streams(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits}})
}
