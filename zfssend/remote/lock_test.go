package remote

import (
	"errors"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestLock: a lock is held on the other host, by a request, and ends with it, or with the connection.
func TestLock(t *testing.T) {
	zfstest.CheckLeaks(t)
	here := &zfssend.Client{LockDir: t.TempDir()}
	p := connect(t, &Agent{Client: here, Policy: Policy{Roots: []string{"tank/a"}, Verbs: []Verb{VerbList}}}, Config{})
	lock, err := p.host.Lock(t.Context(), "tank/a", true)
	if err != nil {
		t.Fatal(err)
	}
	isLocked := func(err error) bool {
		e, ok := errors.AsType[*zfssend.LockedError](err)
		return ok && e.Dataset == "tank/a" && e.Path != ""
	}
	if _, err := here.Lock(t.Context(), "tank/a/b", false); !isLocked(err) {
		t.Errorf("there: %v", err)
	}
	if _, err := p.host.Lock(t.Context(), "tank/a", false); !isLocked(err) {
		t.Errorf("here: %v", err)
	}
	lock.Close()
	again, err := p.host.Lock(t.Context(), "tank/a", false)
	if err != nil {
		t.Fatalf("after it has ended: %v", err)
	}
	if _, err := p.host.Lock(t.Context(), "tank/b", false); !errors.Is(err, ErrRefused) {
		t.Errorf("outside of the roots: %v", err)
	}
	p.host.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		l, err := here.Lock(t.Context(), "tank/a", true)
		if err == nil {
			l.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the connection has ended: %v", err)
		}
	}
	again.Close()
}
