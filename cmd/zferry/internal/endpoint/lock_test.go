package endpoint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestLock: each of several is locked once, on its host, and none if one isn't to be had. How long that takes is told.
func TestLock(t *testing.T) {
	_, here := far(t)
	zfstest.CheckLeaks(t)
	ctx, task := trace.WithTask(tracetest.Strict(t), "test")
	hosts := endpoint.Hosts{Here: here}
	defer hosts.Close()
	far, err := hosts.Open(ctx, parse(t, "nas:tank"), endpoint.Connection{})
	if err != nil {
		t.Fatal(err)
	}
	near := here.Host()
	places := []endpoint.Place{{Host: near, Dataset: "tank/a/b"}, {Host: near, Dataset: "tank/a"}, {Host: near, Dataset: "tank/a"}, {Host: far, Dataset: "tank/a"}, {Host: near, Dataset: "tank/ab"}}
	unlock, err := endpoint.Lock(ctx, true, places...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []endpoint.Place{{Host: near, Dataset: "tank/a/x"}, {Host: far, Dataset: "tank/a/b"}, {Host: near, Dataset: "tank/ab"}} {
		if _, err := p.Host.Lock(ctx, p.Dataset, false); err == nil {
			t.Errorf("%s isn't locked", p.Dataset)
		} else if _, locked := errors.AsType[*zfssend.LockedError](err); !locked {
			t.Error(err)
		}
	}
	for _, before := range [][]endpoint.Place{nil, {{Host: near, Dataset: "tank/c"}}} {
		if _, err := endpoint.Lock(ctx, false, append(before, places[0])...); err == nil {
			t.Error("what is locked was locked again")
		}
	}
	unlock()
	unlock, err = endpoint.Lock(ctx, false, append(places, endpoint.Place{Host: near, Dataset: "tank/c"})...)
	if err != nil {
		t.Fatalf("after all has ended: %v", err)
	}
	unlock()
	task.End()
	tree := tracetest.Tree(t, ctx)
	if locks, unlocks := strings.Count(tree, "span lock "), strings.Count(tree, "span unlock"); locks != 11 || unlocks != 3 {
		t.Errorf("%d locks and %d unlocks in\n%s", locks, unlocks, tree)
	}
}
