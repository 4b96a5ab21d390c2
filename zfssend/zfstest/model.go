package zfstest

import (
	"os"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// modelArg marks the command line of a model.
const modelArg = "zfstest-model"

// Model returns a model of a ZFS with a pool named tank, for the test. Its zfs is the test binary: see [Main].
func Model(t testing.TB) *zfsmodel.Model {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m, err := zfsmodel.New(dir, []string{exe, modelArg, dir})
	if err == nil {
		err = m.CreatePool("tank")
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}
