package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// childEnv carries a job to a child process, as JSON.
const childEnv = "SPANSTACK_BENCH_JOB"

// A job is what a child process measures: one of its fields.
type job struct {
	Alone *aloneJob `json:",omitempty"`
	Load  *loadJob  `json:",omitempty"`
	GC    *gcJob    `json:",omitempty"`

	Stopped *stoppedJob `json:",omitempty"`

	Captures *capturesJob `json:",omitempty"`

	Conversions *conversionsJob `json:",omitempty"`

	Pipe      *pipeJob      `json:",omitempty"`
	Produce   *produceJob   `json:",omitempty"`
	Consume   *consumeJob   `json:",omitempty"`
	Replicate *replicateJob `json:",omitempty"`
	Many      *manyJob      `json:",omitempty"`
}

// String returns the job as the child gets it.
func (j *job) String() string {
	text, err := json.Marshal(j)
	if err != nil {
		panic(err) // all fields are plain
	}
	return string(text)
}

// beChild does the job of a child process, if this is one, and exits.
func beChild() {
	text, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	var result any
	switch {
	case err != nil:
	case j.Alone != nil:
		testing.Init()
		result, err = j.Alone.run()
	case j.Load != nil:
		result, err = j.Load.run()
	case j.GC != nil:
		result, err = j.GC.run()
	case j.Captures != nil:
		result, err = j.Captures.run()
	case j.Conversions != nil:
		result, err = j.Conversions.run()
	case j.Stopped != nil:
		result, err = j.Stopped.run()
	case j.Pipe != nil:
		result, err = j.Pipe.run()
	case j.Produce != nil:
		err = j.Produce.run() // what is on stdout is the result
	case j.Consume != nil:
		result, err = j.Consume.run()
	case j.Replicate != nil:
		result, err = j.Replicate.run()
	case j.Many != nil:
		result, err = j.Many.run()
	default:
		err = errors.New("no job")
	}
	if err == nil && result != nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// doInChild runs a job in a process of its own, which ends when ctx does. The result is what the job's run returns.
func doInChild(ctx context.Context, j job, result any) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, exe)
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = append(os.Environ(), childEnv+"="+j.String()), &stderr
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("measure in a child process: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return json.Unmarshal(out, result)
}
