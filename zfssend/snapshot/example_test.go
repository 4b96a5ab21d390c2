package snapshot_test

import (
	"fmt"
	"time"

	"github.com/spanstack/spanstack/zfssend/snapshot"
)

func ExampleTemplate() {
	template, err := snapshot.ParseTemplate("auto-%F_%H:%M%z", time.UTC)
	if err != nil {
		fmt.Println(err)
		return
	}
	name := template.Name(time.Date(2026, time.March, 1, 6, 0, 0, 0, time.UTC))
	taken, ok := template.Time(name)
	fmt.Println(name, "|", taken, ok)
	fmt.Println(template.Match("before-upgrade"))

	_, err = snapshot.ParseTemplate("auto-%Y%%", time.UTC)
	fmt.Println(err)
	// Output:
	// auto-2026-03-01_06:00Z | 2026-03-01 06:00:00 +0000 UTC true
	// false
	// template "auto-%Y%%": at character 8: %% stands for a percent sign, which can't be in the name of a snapshot
}
