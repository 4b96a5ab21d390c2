package catapult_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/spanstack/spanstack/browsertest/catapult"
)

// Count what the viewer sees of a trace, and draw it. The example is compiled
// but not run, as it needs Chromium.
func Example() {
	ctx := context.Background()
	v, err := catapult.Start(ctx, catapult.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	trace, err := os.ReadFile("trace.json")
	if err != nil {
		log.Fatal(err)
	}
	report, err := v.Load(ctx, trace)
	if err != nil {
		log.Fatal(err)
	}
	for _, warning := range report.Warnings {
		fmt.Println(warning)
	}
	for _, flow := range report.Flows {
		fmt.Printf("%s (lane %s) -> %s (lane %s)\n",
			flow.From.Title, flow.From.Thread.Name, flow.To.Title, flow.To.Thread.Name)
	}

	picture, err := v.Screenshot(ctx, catapult.ScreenshotOptions{MaxHeight: 3000})
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("trace.png", picture, 0o666); err != nil {
		log.Fatal(err)
	}
}
