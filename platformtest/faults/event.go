package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// An event is one line that the harness tells whoever started it. Exactly one field is set.
type event struct {
	Environment *environment `json:"environment,omitempty"`
	Injection   *injection   `json:"injection,omitempty"` // or an attempt without a fault, if it failed
	Campaign    *outcome     `json:"campaign,omitempty"`
	PowerCut    *powerCut    `json:"power_cut,omitempty"`
	Problem     *problem     `json:"problem,omitempty"`
	Note        string       `json:"note,omitempty"` // what is going on, for whoever watches
}

// environment is where the faults were injected.
type environment struct {
	ZFS    string `json:"zfs"`    // version of the kernel module
	Module string `json:"module"` // stock or taskq
	Kernel string `json:"kernel"`
}

// place says where in a run something happened.
type place struct {
	Campaign int    `json:"campaign"`          // 0 for the one with the power cuts, wholeRun for all of them
	Step     int    `json:"step,omitempty"`    // from 1
	Attempt  int    `json:"attempt,omitempty"` // of the step, from 1
	Dataset  string `json:"dataset,omitempty"` // below the campaign's root
	From     string `json:"from,omitempty"`    // "" for a full stream
	To       string `json:"to,omitempty"`
}

// wholeRun is the number of no campaign, for what is about all of them.
const wholeRun = -1

func (p place) String() string {
	if p.Campaign == wholeRun {
		return "the whole run"
	}
	s := fmt.Sprintf("campaign %d", p.Campaign)
	if p.Step > 0 {
		s += fmt.Sprintf(", step %d (%s %s..%s), attempt %d", p.Step, p.Dataset, p.From, p.To, p.Attempt)
	}
	return s
}

// An injection is one attempt with a fault, and what came of it. It is an attempt without one if Fault is "".
type injection struct {
	place
	Fault  string `json:"fault"`
	Detail string `json:"detail,omitempty"` // of what was done
	// Offset is where in the stream it was to strike, in bytes; Struck is how far the stream was when it did, -1 if it never
	// did. Faults that are there from the beginning strike at 0.
	Offset int64 `json:"offset"`
	Struck int64 `json:"struck"`
	// Missed says that it struck to no effect: what it was to hit was over, or wasn't there yet.
	Missed bool `json:"missed,omitempty"`

	Route         string `json:"route"` // how the stream went from zfs send to zfs receive
	VerifySend    bool   `json:"verify_send"`
	VerifyReceive bool   `json:"verify_receive"`
	Resumed       int64  `json:"resumed"` // bytes that had been received before, by the token; -1 without one

	Send      end      `json:"send"`
	Receive   end      `json:"receive"`
	Root      string   `json:"root,omitempty"` // the root cause, as package zfssend tells it
	Complete  bool     `json:"complete"`       // both ends said so
	Committed bool     `json:"committed"`      // the destination has the snapshot
	Token     int64    `json:"token"`          // bytes received according to the destination's token; -1: there is none
	Recovery  string   `json:"recovery"`
	Took      duration `json:"took"` // of the attempt, in seconds

	Problem string `json:"problem,omitempty"` // what should not be
}

// counts reports whether a fault really happened.
func (i *injection) counts() bool { return i.Fault != "" && i.Struck >= 0 && !i.Missed }

// end is what became of zfs send or zfs receive.
type end struct {
	State string `json:"state,omitempty"` // "" if it wasn't started
	Cause string `json:"cause,omitempty"`
	Error string `json:"error,omitempty"`
	Bytes int64  `json:"bytes"`
}

// outcome is how a campaign ended.
type outcome struct {
	Number      int      `json:"number"`
	Goal        int      `json:"goal"` // injections it was to make; the same number makes the same campaign again
	Steps       int      `json:"steps"`
	Attempts    int      `json:"attempts"`
	Injections  int      `json:"injections"`
	Snapshots   int      `json:"snapshots"`   // compared
	Files       int      `json:"files"`       // compared, in all snapshots
	Differences int      `json:"differences"` // files that aren't equal, and snapshots that can't be compared
	GUIDs       int      `json:"guids"`       // snapshots that are missing at the destination or have another GUID
	Left        int      `json:"left"`        // holds, bookmarks and partial states of the replication's that were left behind
	User        int      `json:"user"`        // things of the user's that were looked for, the source's snapshots among them
	Gone        int      `json:"gone"`        // those that were gone, or others
	Equal       bool     `json:"equal"`       // all of this is as it should be
	Took        duration `json:"took"`
}

// powerCut is one death of the machine.
type powerCut struct {
	Number  int      `json:"number"`
	Step    int      `json:"step"`
	Dataset string   `json:"dataset"`
	To      string   `json:"to"`
	Struck  int64    `json:"struck"`  // bytes that the receiver had when the power was to be cut
	Synced  bool     `json:"synced"`  // the pool was synced just before
	Token   int64    `json:"token"`   // after the reboot, bytes received according to the token; -1: there is none
	Outcome string   `json:"outcome"` // after the reboot
	Took    duration `json:"took"`
}

// problem is something that should not be.
type problem struct {
	place
	Text string `json:"text"`
}

// duration is a time in seconds, to the millisecond.
type duration time.Duration

func (d duration) String() string { return time.Duration(d).Round(time.Millisecond).String() }

// MarshalJSON implements json.Marshaler.
func (d duration) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", time.Duration(d).Seconds()), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *duration) UnmarshalJSON(text []byte) error {
	var seconds float64
	err := json.Unmarshal(text, &seconds)
	*d = duration(seconds * float64(time.Second))
	return err
}

// eventPrefix begins a line that holds an event.
const eventPrefix = "@@event "

// writeEvents returns a function that writes each event as a line.
func writeEvents(w io.Writer) func(event) {
	var mu sync.Mutex
	return func(e event) {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err) // plain data
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "%s%s\n", eventPrefix, text)
	}
}
