package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/internal/terminal"
)

// A report is what the events of a run come to.
type report struct {
	Seed        uint64      `json:"seed"`
	Command     string      `json:"command"` // that does the same again
	Environment environment `json:"environment"`
	Started     time.Time   `json:"started"`
	Took        duration    `json:"took"`
	Wanted      int         `json:"wanted"`
	Failure     string      `json:"failure,omitempty"` // why the run came to no end
	Problems    []problem   `json:"problems"`
	Campaigns   []outcome   `json:"campaigns"`
	PowerCuts   []powerCut  `json:"power_cuts"`
	Injections  []injection `json:"injections"`

	mu       sync.Mutex
	progress *progress
}

func newReport(o *options, stderr io.Writer) *report {
	r := &report{Seed: o.seed, Wanted: o.injections, Started: time.Now().Truncate(time.Second), progress: newProgress(stderr, o.injections)}
	r.Command = fmt.Sprintf("go run ./platformtest/faults --seed %d --injections %d --power-cuts %d", o.seed, o.injections, o.powerCuts)
	if o.first != 1 {
		r.Command += fmt.Sprintf(" --campaign %d", o.first)
	}
	for _, name := range o.only {
		r.Command += " --fault " + name
	}
	if o.zfs == "vm" {
		r.Command += " --line " + o.line + " --variant " + o.variant
	} else {
		r.Command += " --zfs host --pool-dir " + o.poolDir
	}
	return r
}

// add adds what an event tells.
func (r *report) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e.Environment != nil:
		r.Environment = *e.Environment
	case e.Injection != nil:
		r.Injections = append(r.Injections, *e.Injection)
	case e.Campaign != nil:
		r.Campaigns = append(r.Campaigns, *e.Campaign)
	case e.PowerCut != nil:
		r.addPowerCut(*e.PowerCut)
	case e.Problem != nil:
		r.Problems = append(r.Problems, *e.Problem)
	}
	r.progress.show(e, r.struck(), len(r.Problems))
}

// addPowerCut adds a power cut, or, after the reboot, what came of it.
func (r *report) addPowerCut(c powerCut) {
	i := slices.IndexFunc(r.PowerCuts, func(p powerCut) bool { return p.Number == c.Number })
	if i < 0 {
		r.PowerCuts = append(r.PowerCuts, c)
		return
	}
	p := &r.PowerCuts[i]
	p.Token, p.Outcome, p.Took = c.Token, c.Outcome, c.Took
}

// struck returns how many faults happened.
func (r *report) struck() int {
	n := 0
	for i := range r.Injections {
		if r.Injections[i].counts() {
			n++
		}
	}
	return n
}

func (r *report) finish() { r.Took = duration(time.Since(r.Started)) }

// verdict is the report in a line.
func (r *report) verdict() string {
	equal := 0
	for _, c := range r.Campaigns {
		if c.Equal {
			equal++
		}
	}
	s := fmt.Sprintf("%d faults of %d kinds in %d campaigns and %d power cuts, in %v, seed %d: %d campaigns ended with equal contents, %d problems",
		r.struck(), len(r.kinds()), len(r.Campaigns), len(r.PowerCuts), time.Duration(r.Took).Round(time.Second), r.Seed, equal, len(r.Problems))
	if r.Failure != "" {
		s += "; the run came to no end"
	}
	return s + "."
}

// write writes report.md and report.json.
func (r *report) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, "report.json"), append(text, '\n')); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, "report.md"), r.markdown())
}

func replaceFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// summary is what became of all faults of one name.
type summary struct {
	fault                                                *fault
	struck, complete, committed, resumed, again, problem int
	causes                                               map[string]int
	took                                                 []time.Duration
}

// kinds returns the summaries of those faults that happened, in the order of the table.
func (r *report) kinds() []*summary {
	var list []*summary
	for _, f := range faults {
		s := &summary{fault: f, causes: make(map[string]int)}
		for i := range r.Injections {
			in := &r.Injections[i]
			if in.Fault != f.name || !in.counts() {
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
			default:
				s.again++
			}
			if in.Problem != "" {
				s.problem++
			}
			if cause := in.rootCause(); cause != "" {
				s.causes[cause]++
			}
		}
		if s.struck > 0 {
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
	p("OpenZFS %s (%s module), Linux %s, %s. To do the same again:\n", r.Environment.ZFS, r.Environment.Module, r.Environment.Kernel, r.Started.Format(time.RFC3339))
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
	p("\n## By fault\n")
	p("Of the attempts with the fault: how many were complete all the same, how many failed after the destination had committed")
	p("the snapshot, and how the others were recovered; the root causes that package zfssend told; the median and the longest time.\n")
	p("| fault | what is done | n | complete | committed | resumed | started again | root causes | time | problems |")
	p("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, s := range r.kinds() {
		var causes []string
		for cause, n := range s.causes {
			causes = append(causes, fmt.Sprintf("%s %d×", cause, n))
		}
		slices.Sort(causes)
		p("| %s | %s | %d | %d | %d | %d | %d | %s | %v, %v | %d |", s.fault.name, s.fault.does, s.struck, s.complete, s.committed, s.resumed, s.again,
			cell(strings.Join(causes, ", ")), s.took[len(s.took)/2].Round(time.Millisecond), s.took[len(s.took)-1].Round(time.Millisecond), s.problem)
	}
	p("\n## Campaigns\n")
	p("| campaign | steps | attempts | faults | snapshots compared | files compared | contents | time |")
	p("| --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, c := range r.Campaigns {
		equal := "equal"
		if !c.Equal {
			equal = "**not as they should be**"
		}
		p("| %d | %d | %d | %d | %d | %d | %s | %v |", c.Number, c.Steps, c.Attempts, c.Injections, c.Snapshots, c.Files, equal, c.Took)
	}
	if len(r.PowerCuts) > 0 {
		p("\n## Power cuts\n")
		p("| cut | step | received | pool synced before | token after the reboot | outcome | time |")
		p("| --- | --- | --- | --- | --- | --- | --- |")
		for _, c := range r.PowerCuts {
			p("| %d | %d: %s%s | %d | %t | %s | %s | %v |", c.Number, c.Step, c.Dataset, c.To, c.Struck, c.Synced, bytesOf(c.Token), cell(c.Outcome), c.Took)
		}
	}
	p("\n## Injections\n")
	p("Offsets and sizes are bytes of the stream. v: verified by that end. Those with a struck offset of – never happened, and don't count.\n")
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
		p("| %d | %d/%d/%d %s %s..%s | %s | %d | %s | %s | %s | %s | %s | %s | %v |", i+1, in.Campaign, in.Step, in.Attempt, in.Dataset, in.From, in.To,
			cell(strings.TrimSuffix(in.Fault+": "+in.Detail, ": ")), in.Offset, bytesOf(in.Struck), in.route(), bytesOf(in.Resumed), cell(seen), bytesOf(in.Token), in.Recovery, in.Took)
	}
	return b.Bytes()
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

// progress tells how far a run is: as one line that changes on a terminal, as a line now and then elsewhere.
type progress struct {
	w      io.Writer
	live   bool
	wanted int
	start  time.Time
	last   int // injections at the last line
}

func newProgress(w io.Writer, wanted int) *progress {
	return &progress{w: w, live: terminal.Is(w), wanted: wanted, start: time.Now()}
}

const clearLine = "\r\x1b[K"

func (p *progress) show(e event, injections, problems int) {
	switch {
	case e.Problem != nil:
		p.print(fmt.Sprintf("faults: problem: %s: %s", e.Problem.place, e.Problem.Text))
	case e.Note != "":
		p.print("faults: " + e.Note)
	case e.PowerCut != nil && e.PowerCut.Outcome != "":
		p.print(fmt.Sprintf("faults: power cut %d: %s", e.PowerCut.Number, e.PowerCut.Outcome))
	}
	line := fmt.Sprintf("faults: %d of %d injected, %d problems, %v", injections, p.wanted, problems, time.Since(p.start).Round(time.Second))
	switch {
	case p.live:
		fmt.Fprint(p.w, clearLine+line)
	case injections >= p.last+25:
		p.last = injections / 25 * 25
		p.print(line)
	}
}

func (p *progress) print(s string) {
	if p.live {
		s = clearLine + s
	}
	fmt.Fprintln(p.w, s)
}

// done ends the line that changes.
func (p *progress) done() {
	if p.live {
		fmt.Fprintln(p.w)
	}
}
