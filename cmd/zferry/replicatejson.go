package main

import (
	"errors"

	"github.com/spanstack/spanstack/zfssend/replicate"
)

// The output of --json. Names are there to stay; new ones may come.
type (
	jsonReplication struct {
		Datasets []jsonDataset `json:"datasets"`
		Bytes    int64         `json:"bytes"`              // received
		Seconds  float64       `json:"seconds,omitempty"`  // in all
		Warnings []string      `json:"warnings,omitempty"` // of cursors and holds
	}
	jsonDataset struct {
		Source       string     `json:"source"`
		Destination  string     `json:"destination"`
		State        string     `json:"state"`                   // "up to date", "done", "planned", "conflict", "failed" or "skipped"
		Base         string     `json:"base,omitempty"`          // the newest version that both had
		Newest       string     `json:"newest,omitempty"`        // the newest one that the destination has, or would have, then
		NewestGUID   uint64     `json:"newest_guid,omitempty"`   //
		Placeholder  bool       `json:"placeholder,omitempty"`   //
		AbortReceive bool       `json:"abort_receive,omitempty"` //
		Destroy      []string   `json:"destroy,omitempty"`       // snapshots of the destination
		Own          []string   `json:"own,omitempty"`           // snapshots of the destination that stay
		Rollback     string     `json:"rollback,omitempty"`      //
		Steps        []jsonStep `json:"steps,omitempty"`
		Bytes        int64      `json:"bytes"`
		Seconds      float64    `json:"seconds,omitempty"`
		Retries      int        `json:"retries,omitempty"`
		Error        string     `json:"error,omitempty"`
		Hint         string     `json:"hint,omitempty"`
	}
	jsonStep struct {
		Kind          string   `json:"kind"`
		From          string   `json:"from,omitempty"`
		Snapshots     []string `json:"snapshots"`
		Raw           bool     `json:"raw,omitempty"`
		EstimatedSize *int64   `json:"estimated_bytes,omitempty"`
		Bytes         int64    `json:"bytes,omitempty"`
		Seconds       float64  `json:"seconds,omitempty"`
		SenderWait    float64  `json:"wait_for_sender_seconds,omitempty"`
		ReceiverWait  float64  `json:"wait_for_receiver_seconds,omitempty"`
		Warnings      string   `json:"warnings,omitempty"`
	}
)

func planJSON(plan *replicate.Plan) jsonReplication {
	var j jsonReplication
	for _, p := range plan.Datasets {
		d := datasetJSON(p, p.Conflict)
		if d.State == "done" {
			d.State = "planned"
		}
		for _, s := range p.Steps {
			step := stepJSON(s)
			if s.Estimate.Known() {
				step.EstimatedSize = &s.Estimate.Bytes
			}
			d.Steps = append(d.Steps, step)
		}
		j.Datasets = append(j.Datasets, d)
	}
	return j
}

func reportJSON(report *replicate.Report) jsonReplication {
	j := jsonReplication{Bytes: report.Bytes(), Seconds: report.Duration.Seconds()}
	for _, w := range report.Warnings {
		j.Warnings = append(j.Warnings, w.Error())
	}
	for _, r := range report.Datasets {
		conflict, _ := errors.AsType[*replicate.Conflict](r.Err)
		d := datasetJSON(r.Plan, conflict)
		d.Bytes, d.Seconds, d.Retries = r.Bytes, r.Duration.Seconds(), r.Retries
		switch {
		case r.Skipped:
			d.State, d.Error = "skipped", r.Err.Error()
		case r.Err != nil && conflict == nil:
			d.State, d.Error = "failed", r.Err.Error()
		case r.Err == nil && len(r.Steps) > 0:
			d.State = "done" // also of one that was up to date at the last try
		}
		for _, s := range r.Steps {
			step := stepJSON(s.Step)
			step.Bytes, step.Seconds, step.Warnings = s.Bytes, s.Duration.Seconds(), s.Warnings
			step.SenderWait, step.ReceiverWait = s.Send.ReadWait.Seconds(), s.Receive.WriteWait.Seconds()
			d.Steps = append(d.Steps, step)
		}
		j.Datasets = append(j.Datasets, d)
	}
	return j
}

func datasetJSON(p *replicate.DatasetPlan, conflict *replicate.Conflict) jsonDataset {
	d := jsonDataset{
		Source: p.Source, Destination: p.Destination, State: "done", Base: p.Base, Newest: p.Latest.Name, NewestGUID: p.Latest.GUID,
		Placeholder: p.Placeholder, AbortReceive: p.AbortReceive, Destroy: p.Destroy, Own: p.Own, Rollback: p.RollbackTo,
	}
	switch {
	case conflict != nil:
		d.State, d.Error, d.Hint = "conflict", conflict.Error(), conflict.Hint()
	case p.UpToDate():
		d.State = "up to date"
	}
	return d
}

func stepJSON(s replicate.Step) jsonStep {
	return jsonStep{Kind: s.Kind(), From: s.From, Snapshots: s.Snapshots, Raw: s.Raw}
}
