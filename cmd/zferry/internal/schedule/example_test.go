package schedule_test

import (
	"context"
	"fmt"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
)

func Example() {
	slots, err := schedule.Spec{Cron: "30 2 * * *"}.Slots()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(slots.Next(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)))

	ctx, cancel := context.WithCancel(context.Background())
	s := schedule.New(schedule.Config{})
	s.Set([]schedule.Job{{Name: "home", Parts: []schedule.Part{{Name: "snapshot", Slots: slots}}, Run: func(ctx context.Context, r schedule.Run) {
		fmt.Println("home:", r.Parts, r.Manual)
		cancel()
	}}}, 2)
	if err := s.Trigger("home"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(s.Run(ctx))
	// Output:
	// 2026-03-03 02:30:00 +0000 UTC
	// home: [snapshot] true
	// context canceled
}
