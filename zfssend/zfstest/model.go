package zfstest

import (
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// Model returns a model of a ZFS with a pool named tank, for the test. Its zfs is the test binary: see [Main].
func Model(t testing.TB) *zfsmodel.Model {
	t.Helper()
	dir := t.TempDir()
	command, err := standIn(modelFile, dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := zfsmodel.New(dir, command)
	if err == nil {
		err = m.CreatePool("tank")
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}
