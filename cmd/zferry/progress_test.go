package main

import (
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/replicate"
)

func TestDescribeProgress(t *testing.T) {
	now := time.Now()
	plan := &replicate.DatasetPlan{Destination: "backup/a", Steps: []replicate.Step{{From: "@1", Snapshots: []string{"@2"}}}}
	running := func(age time.Duration) replicate.Activity {
		return replicate.Activity{Plan: plan, Since: now.Add(-age)}
	}
	for want, p := range map[string]replicate.Progress{
		"0 of 3 steps ": {Total: 3},
		"1 of 3 steps, backup/a incremental @1..@2 ":                     {Steps: 1, Total: 3, Active: []replicate.Activity{running(time.Second)}},
		"1 of 3 steps, backup/a incremental @1..@2 for 1m0s and 1 more ": {Steps: 1, Total: 3, Active: []replicate.Activity{running(time.Minute), running(0)}},
	} {
		if got := describeProgress(p, now); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestDescribeAmount(t *testing.T) {
	for _, tt := range []struct {
		bytes, total int64
		elapsed      time.Duration
		want         string
	}{
		{0, 0, 0, "0 B, 0 B/s, 0s"},
		{3 << 20, 0, 3 * time.Second, "3.0 MiB, 1.0 MiB/s, 3s"},
		{1 << 20, 4 << 20, 10 * time.Second, "1.0 MiB of about 4.0 MiB, 102.4 KiB/s, 10s, 30s left"},
		{5 << 20, 4 << 20, time.Second, "5.0 MiB of about 5.0 MiB, 5.0 MiB/s, 1s"},
	} {
		if got := describeAmount(tt.bytes, tt.total, tt.elapsed); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}
