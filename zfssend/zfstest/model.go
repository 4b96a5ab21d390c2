package zfstest

import (
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// Model returns a model of a ZFS with a pool named tank, for the test. Its zfs is the test binary: see [Main].
func Model(t testing.TB) *zfsmodel.Model {
	t.Helper()
	m, err := NewModel(t.TempDir())
	if err == nil {
		err = m.CreatePool("tank")
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// NewModel returns a model of a ZFS without pools in an empty directory, for what has no [testing.TB], such as a script of
// testscript. Its command is one word, a program named zfs, whose directory may be put into PATH.
func NewModel(dir string) (*zfsmodel.Model, error) {
	command, err := standIn(modelFile, dir)
	if err != nil {
		return nil, err
	}
	return zfsmodel.New(dir, command)
}
