package zfssend

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	c := Client{LockDir: t.TempDir()}
	take := func(name string) (io.Closer, error) {
		dataset, tree := strings.CutSuffix(name, "/...")
		return c.Lock(t.Context(), dataset, tree)
	}
	tests := []struct {
		first, second string
		locked        string // the dataset that the second one finds locked; "" if both can be held
	}{
		{"locktest/a", "locktest/a", "locktest/a"},
		{"locktest/a", "locktest/b", ""},
		{"locktest/a", "locktest/a/b", ""},
		{"locktest/a/b", "locktest/a", ""},
		{"locktest/a/...", "locktest/a", "locktest/a"},
		{"locktest/a", "locktest/a/...", "locktest/a"},
		{"locktest/a/...", "locktest/a/b", "locktest/a"},
		{"locktest/a/...", "locktest/a/b/c/...", "locktest/a"},
		{"locktest/a/b", "locktest/a/...", "locktest/a"},
		{"locktest/a/b/...", "locktest/...", "locktest"},
		{"locktest/a/...", "locktest/b/...", ""},
		{"locktest/a/...", "locktest/ab", ""},
	}
	for _, tt := range tests {
		first, err := take(tt.first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := take(tt.second)
		e, locked := errors.AsType[*LockedError](err)
		switch {
		case locked && (e.Dataset != tt.locked || !strings.Contains(e.Error(), tt.locked+" is locked by ")):
			t.Errorf("%s while %s is locked: %v, want it for %s", tt.second, tt.first, err, tt.locked)
		case err != nil && !locked:
			t.Error(err)
		case locked != (tt.locked != ""):
			t.Errorf("%s while %s is locked: %v", tt.second, tt.first, err)
		}
		if second != nil {
			second.Close()
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		if second, err = take(tt.second); err != nil {
			t.Errorf("%s after the lock of %s has ended: %v", tt.second, tt.first, err)
		} else {
			second.Close()
		}
	}
	if _, err := c.Lock(t.Context(), "tank@a", false); err == nil {
		t.Error("a snapshot was locked")
	}
}

// TestLockHolder: the message says who it is.
func TestLockHolder(t *testing.T) {
	c := Client{LockDir: t.TempDir()}
	l, err := c.Lock(t.Context(), "locktest/x", true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := c.Lock(t.Context(), "locktest/x", true); err == nil || !strings.Contains(err.Error(), "locked by process ") {
		t.Errorf("got %v", err)
	}
}
