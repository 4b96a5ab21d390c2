package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// kindsStruck returns how many kinds of faults happened.
func (r *report) kindsStruck() int {
	n := 0
	for _, s := range r.kinds() {
		if s.struck > 0 {
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
	s := fmt.Sprintf("%d faults of %d kinds in %d campaigns and %d power cuts, in %v, seed %d: "+
		"%d campaigns ended with equal contents, %d problems",
		r.struck(), r.kindsStruck(), len(r.Campaigns), len(r.PowerCuts),
		time.Duration(r.Took).Round(time.Second), r.Seed, equal, len(r.Problems))
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
