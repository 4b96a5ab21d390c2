package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// summary is what became of all faults of one name.
type summary struct {
	fault                             *fault
	struck, missed                    int
	complete                          int // of those that have struck
	committed, resumed, again, gaveUp int // the others
	problem                           int // of all
	causes                            map[string]int
	took                              []time.Duration
}

// kinds returns the summaries of those faults that were tried, in the order of the table.
func (r *report) kinds() []*summary {
	var list []*summary
	for _, f := range faults {
		s := &summary{fault: f, causes: make(map[string]int)}
		for i := range r.Injections {
			in := &r.Injections[i]
			if in.Fault != f.name {
				continue
			}
			if in.Problem != "" {
				s.problem++
			}
			if !in.counts() {
				s.missed++
				continue
			}
			s.struck++
			s.took = append(s.took, time.Duration(in.Took))
			switch {
			case in.Complete:
				s.complete++
			case in.Committed:
				s.committed++
			case strings.HasPrefix(in.Recovery, "resumed"):
				s.resumed++
			case in.Recovery == recoveryGaveUp:
				s.gaveUp++
			default:
				s.again++
			}
			if cause := in.rootCause(); cause != "" {
				s.causes[cause]++
			}
		}
		if s.struck+s.missed > 0 {
			slices.Sort(s.took)
			list = append(list, s)
		}
	}
	return list
}

// rootCause returns the cause of the end that the root cause is of.
func (in *injection) rootCause() string {
	switch in.Root {
	case "":
		return ""
	case in.Send.Error:
		return "send: " + in.Send.Cause
	case in.Receive.Error:
		return "receive: " + in.Receive.Cause
	}
	return "other"
}

func (r *report) markdown() []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Faults injected into replications\n")
	p("%s\n", r.verdict())
	p("Seed %d, OpenZFS %s (%s module), Linux %s, begun at %s. To do the same again:\n", r.Seed, r.Environment.ZFS, r.Environment.Module,
		r.Environment.Kernel, r.Started.Format(time.RFC3339))
	p("    %s\n", r.Command)
	if r.Failure != "" {
		p("## The run came to no end\n\n```\n%s\n```\n", r.Failure)
	}
	p("## Problems\n")
	if len(r.Problems) == 0 {
		p("None.\n")
	}
	for _, x := range r.Problems {
		p("- %s: %s", x.place, cell(x.Text))
	}
	r.campaigns(p)
	r.byFault(p)
	r.powerCuts(p)
	r.attempts(p)
	return b.Bytes()
}

// A printer writes a line.
type printer func(format string, args ...any)

// campaigns tells what was found at the end of each campaign.
func (r *report) campaigns(p printer) {
	p("\n## Campaigns\n")
	p("What was found at the end: the contents of each file of each snapshot at the destination, compared with the source's; GUIDs of")
	p("snapshots; holds, bookmarks and partial states of the replication's that were left; things of the user's that were gone, of those")
	p("that were looked for: datasets, snapshots (all of the source among them), bookmarks and holds. Campaign 0 is the one with the")
	p("power cuts. Another one is repeated by its number and its goal: the command above with --campaign and --injections.\n")
	p("| campaign | goal | faults | steps | attempts | snapshots | files | contents unlike | GUIDs unlike | ours left | user's gone | time |")
	p("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, c := range r.Campaigns {
		p("| %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d of %d | %v |", c.Number, c.Goal, c.Injections, c.Steps, c.Attempts,
			c.Snapshots, c.Files, c.Differences, c.GUIDs, c.Left, c.Gone, c.User, c.Took)
	}
}

// byFault tells what became of each kind of fault.
func (r *report) byFault(p printer) {
	p("\n## By fault\n")
	p("Struck are those that count. Missed are those that came too late or too early: the stream ended before their place, what they")
	p("were to hit was over, or what was to be refused wasn't. Of those that struck: how many attempts were complete nevertheless, as those")
	p("of harmless faults (*) must be, unless zfs receive looked for a dataset that had been renamed; the root causes of the others, as")
	p("package zfssend told them; and how these were recovered:")
	p("resumed by the token, started again, gave up the partial state and started again, or the destination had the snapshot already.")
	p("The median and the longest time of an attempt.\n")
	p("| fault | what is done | struck | missed | complete | root causes | resumed | again | gave up | had it | time | problems |")
	p("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, s := range r.kinds() {
		name, times := s.fault.name, ""
		if s.fault.harmless {
			name += " *"
		}
		if len(s.took) > 0 {
			times = fmt.Sprintf("%v, %v", duration(s.took[len(s.took)/2]), duration(s.took[len(s.took)-1]))
		}
		p("| %s | %s | %d | %d | %d | %s | %d | %d | %d | %d | %s | %d |", name, s.fault.does, s.struck, s.missed, s.complete,
			cell(countsOf(s.causes)), s.resumed, s.again, s.gaveUp, s.committed, times, s.problem)
	}
	clean := make(map[string]int)
	for i := range r.Injections {
		if in := &r.Injections[i]; !in.counts() && !in.Complete {
			clean[in.rootCause()]++
		}
	}
	if len(clean) > 0 {
		p("\nAttempts that failed without a fault, or with one that missed, by their root causes: %s.", countsOf(clean))
	}
}

// powerCuts tells of the machine's deaths.
func (r *report) powerCuts(p printer) {
	if len(r.PowerCuts) == 0 {
		return
	}
	p("\n## Power cuts\n")
	p("| cut | step | received | pool synced before | token after the reboot | outcome | time |")
	p("| --- | --- | --- | --- | --- | --- | --- |")
	for _, c := range r.PowerCuts {
		p("| %d | %d: %s%s | %d | %t | %s | %s | %v |", c.Number, c.Step, c.Dataset, c.To, c.Struck, c.Synced, bytesOf(c.Token),
			cell(c.Outcome), c.Took)
	}
}

// attempts tells of each attempt that wasn't just complete without a fault.
func (r *report) attempts(p printer) {
	p("\n## Attempts\n")
	p("Those with a fault, and those without one that failed. Offsets and sizes are bytes of the stream. v: verified by that end. Where")
	p("a fault has struck at –, the stream ended before.\n")
	p("| # | where | fault | to strike at | struck at | route | resumed from | what was seen | token then | recovery | time |")
	p("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for i := range r.Injections {
		in := &r.Injections[i]
		seen := in.Root
		if in.Complete {
			seen = "complete"
		}
		if in.Problem != "" {
			seen = "**" + in.Problem + "** " + seen
		}
		where := fmt.Sprintf("%d/%d/%d %s %s..%s", in.Campaign, in.Step, in.Attempt, in.Dataset, in.From, in.To)
		fault, at, struck := cmp.Or(in.Fault, "none"), fmt.Sprint(in.Offset), bytesOf(in.Struck)
		if in.Fault == "" {
			at = bytesOf(-1)
		}
		if in.Missed {
			struck += ", missed"
		}
		p("| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %v |", i+1, where,
			cell(strings.TrimSuffix(fault+": "+in.Detail, ": ")), at, struck, in.route(),
			bytesOf(in.Resumed), cell(seen), bytesOf(in.Token), in.Recovery, in.Took)
	}
}

// countsOf lists what was counted, by name.
func countsOf(counts map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s %d×", name, counts[name]))
	}
	return strings.Join(list, ", ")
}

// route returns the way of the stream, and who verified it.
func (in *injection) route() string {
	mark := func(v bool) string {
		if v {
			return "v"
		}
		return ""
	}
	return strings.Join(strings.Fields(mark(in.VerifySend)+" "+in.Route+" "+mark(in.VerifyReceive)), " ")
}

func bytesOf(n int64) string {
	if n < 0 {
		return "–"
	}
	return fmt.Sprint(n)
}

// cell makes a text fit into a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}
