// Package steplog logs the steps of a replication as they end, each on its own span, for the command and the daemon alike.
package steplog

import (
	"context"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// Log is for [replicate.Replicator.OnStep]. Whether a step that has failed is tried again isn't known yet; what doesn't
// succeed in the end is an error of its dataset.
func Log(ctx context.Context, plan *replicate.DatasetPlan, r replicate.Result, err error) {
	log := logging.GetLogger(ctx, "zferry")
	if err != nil {
		log.Warn("step failed", "destination", plan.Destination, "step", r.Step, "bytes", r.Bytes, "error", err)
		return
	}
	if r.Warnings != "" {
		log.Warn("zfs receive succeeded with a warning", "destination", plan.Destination, "step", r.Step, "stderr", r.Warnings)
	}
	log.Info("step done", "destination", plan.Destination, "step", r.Step, "bytes", r.Bytes, "duration", r.Duration,
		"wait_for_sender", r.Send.ReadWait, "wait_for_receiver", r.Receive.WriteWait)
}
