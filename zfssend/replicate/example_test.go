package replicate_test

import (
	"fmt"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

func ExamplePlanDataset() {
	source := zfssend.Dataset{Name: "tank/home", GUID: 1, Encryption: "off", Versions: []zfssend.Version{
		{Name: "@mon", GUID: 11, CreateTXG: 100},
		{Name: "@tue", GUID: 12, CreateTXG: 200},
		{Name: "@wed", GUID: 13, CreateTXG: 300},
	}}
	destination := zfssend.Dataset{Name: "backup/home"} // doesn't exist
	options := &replicate.Options{}
	plan := replicate.PlanDataset(source, destination, options)
	fmt.Println(plan.Steps)

	destination.GUID = 2
	destination.Versions = []zfssend.Version{source.Versions[0]}
	plan = replicate.PlanDataset(source, destination, options)
	fmt.Println(plan.Steps)

	destination.Versions = []zfssend.Version{source.Versions[0], {Name: "@local", GUID: 99, CreateTXG: 900}}
	plan = replicate.PlanDataset(source, destination, options)
	fmt.Println(plan.Steps, "above", plan.Own)

	destination.Versions = destination.Versions[1:]
	fmt.Println(replicate.PlanDataset(source, destination, options).Conflict)
	// Output:
	// [full @mon incremental @mon..@wed (2 snapshots)]
	// [incremental @mon..@wed (2 snapshots)]
	// [incremental @mon..@wed (2 snapshots)] above [@local]
	// plan replication of tank/home to backup/home: backup/home exists, and none of its snapshots is known to tank/home: @local
}
