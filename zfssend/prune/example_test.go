package prune_test

import (
	"fmt"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/prune"
)

func ExampleNewPlan() {
	now := time.Date(2026, time.March, 3, 12, 0, 0, 0, time.UTC)
	version := func(name string, guid uint64, age time.Duration) zfssend.Version {
		return zfssend.Version{Name: name, GUID: guid, CreateTXG: guid, Creation: now.Add(-age)}
	}
	source := zfssend.Dataset{Name: "tank/home", Versions: []zfssend.Version{
		version("@sat", 11, 72*time.Hour), version("@sun", 12, 48*time.Hour), version("@mon", 13, 24*time.Hour),
		version("@noon", 14, 30*time.Minute), version("@now", 15, 0),
	}}
	target := zfssend.Dataset{Name: "backup/home", Versions: source.Versions[:2]}

	grid, err := prune.ParseGrid("24x1h | 1x1d", time.UTC)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := prune.NewPlan(now, source, []prune.PeerListing{{Dataset: target, Role: prune.Target}}, &prune.Policy{Rules: []prune.Rule{grid}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range plan.Decisions {
		fmt.Println(d.Fate, d.Snapshot.Name, d.Reasons)
	}
	// Output:
	// destroy @sat [no rule keeps it]
	// keep @sun [the newest that backup/home has, too]
	// keep @mon [in the grid's 1x1d]
	// keep @noon [in the grid's 24x1h]
	// keep @now [in the grid's 24x1h the newest snapshot]
}
