package zfstest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
)

// A stand-in for zfs is a directory with two files: "zfs", a link to the test binary or to a program that is smaller (see program), and one whose name says as what that is to
// run, and whose text says more. So a stand-in's command line is one word, as that of zfs is: of more words, package zfssend takes
// the first ones for a wrapper.
const (
	fakeFile  = "fake"  // the fake's scripts, as JSON
	modelFile = "model" // the model's directory
)

// standInsVariable names the directory of all stand-ins, for those that start further ones.
const standInsVariable = "ZFSTEST_STAND_INS"

// standIns returns that directory. Main removes it.
var standIns = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(standInsVariable); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "zfstest-")
	if err == nil {
		err = os.Setenv(standInsVariable, dir)
	}
	return dir, err
})

// standIn returns the command line of a stand-in.
func standIn(file, text string) ([]string, error) {
	dir, err := standIns()
	if err != nil {
		return nil, err
	}
	exe, err := program(dir)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(file + text))
	dir = filepath.Join(dir, hex.EncodeToString(sum[:8]))
	zfs := filepath.Join(dir, "zfs")
	if _, err := os.Lstat(zfs); err == nil {
		return []string{zfs}, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
		return nil, err
	}
	if err := os.Symlink(exe, zfs); err != nil && !os.IsExist(err) {
		return nil, err
	}
	return []string{zfs}, nil
}

// role returns as what this process is to run, by its command line, and what more there is to know.
func role() (file, text string) {
	if filepath.Base(os.Args[0]) != "zfs" {
		return "", ""
	}
	for _, file := range []string{fakeFile, modelFile} {
		if text, err := os.ReadFile(filepath.Join(filepath.Dir(os.Args[0]), file)); err == nil {
			return file, string(text)
		}
	}
	return "", ""
}
