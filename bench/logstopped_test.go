package main

import (
	"context"
	"os"
	"testing"
	"time"
)

// TestStopped stops each reader for a moment. A program of ours goes on and loses lines, one that is blocked stands still.
func TestStopped(t *testing.T) {
	for _, o := range outlets {
		t.Run(string(o), func(t *testing.T) {
			if testing.Short() && o != toFile && o != toPipe {
				t.Skip("-short: no daemons")
			}
			res, err := measureStopped(context.Background(), stoppedJob{Outlet: o, Rounds: 1, Window: 300 * time.Millisecond}, func(*stoppedJob) {})
			if err != nil {
				t.Fatal(err)
			}
			if res.Missing != "" {
				if os.Getenv("SPANSTACK_REQUIRE_DAEMONS") != "" {
					t.Fatal(res.Missing)
				}
				t.Skip(res.Missing)
			}
			if len(res.Ours) != 1 || len(res.Blocking) != 1 {
				t.Fatalf("%+v", res)
			}
			for _, r := range res.Ours {
				if r.Reading.Lines == 0 || o != toFile && (r.Stopped.Lines == 0 || r.Stopped.Lost == 0) {
					t.Errorf("ours: %+v", r)
				}
			}
			for _, r := range res.Blocking {
				if r.Reading.Lines == 0 || r.Stopped.Lines != 0 || r.Stopped.Lost != 0 {
					t.Errorf("blocking: %+v", r)
				}
			}
		})
	}
}
