package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/schedule"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// check finds what is wrong with fields that can be read.
func (c *Config) check(main *file) {
	if main.at["max_jobs"] != nil && c.MaxJobs == 0 && !main.failed("max_jobs") {
		main.fail("max_jobs", "", "want 1 or more")
	}
	if len(c.Jobs) == 0 && len(main.errs) == 0 {
		main.fail("jobs", `see "zferry config example"`, "there is none")
	}
	names := map[string]*Job{}
	for i := range c.Jobs {
		j := &c.Jobs[i]
		j.check()
		if j.Name == "" {
			continue
		}
		if other := names[j.Name]; other != nil {
			j.fail("name", "", "%q is also the name of %s in %s", j.Name, other.path, other.at())
		}
		names[j.Name] = j
	}
	c.checkTargets()
	c.checkConnections()
}

// checkConnections finds endpoints that nobody could connect to.
func (c *Config) checkConnections() {
	for i := range c.Jobs {
		j := &c.Jobs[i]
		at := j.Connection.Or(c.Connection)
		j.checkConnection("source", &at, j.Source)
		if j.Replicate == nil {
			continue
		}
		for k := range j.Replicate.Targets {
			t := &j.Replicate.Targets[k]
			of := t.Connection.Or(at)
			j.checkConnection(fmt.Sprintf("replicate.targets[%d].to", k), &of, t.To)
		}
	}
}

func (j *Job) checkConnection(field string, c *Connection, e Endpoint) {
	if err := c.Check(e); err != nil {
		j.fail(field, `add "tls: {cert: FILE, key: FILE, ca: FILE}", to all of the file or to this`, "%v: %w", e, err)
	}
}

// fail notes an error of a job's field, unless there is one already.
func (j *Job) fail(field, hint, format string, args ...any) {
	if path := join2(j.path, field); !j.file.failed(path) {
		j.file.fail(path, hint, format, args...)
	}
}

// at returns where the job is.
func (j *Job) at() string {
	if t := j.file.at[j.path]; t != nil && t.Position != nil {
		return fmt.Sprintf("%s:%d", j.file.name, t.Position.Line)
	}
	return j.file.name
}

var jobName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (j *Job) check() {
	switch {
	case j.Name == "":
		j.fail("name", "", "want a name")
	case !jobName.MatchString(j.Name) || len(j.Name) > 64:
		j.fail("name", "", "%q: want letters, digits, _, . and -, at most 64, and a letter or digit first", j.Name)
	}
	if j.Source.Dataset == "" {
		j.fail("source", "", "want a dataset, such as tank/home")
	}
	if !j.Recursive && len(j.Include)+len(j.Exclude) > 0 {
		field := "include"
		if len(j.Include) == 0 {
			field = "exclude"
		}
		j.fail(field, `add "recursive: true"`, "it selects datasets below the source")
	}
	if j.Snapshot == nil && j.Replicate == nil && j.Prune == nil {
		j.fail("", "", "it does nothing: want snapshot, replicate or prune")
	}
	j.checkSnapshot()
	j.checkReplicate()
	j.checkPrune()
}

func (j *Job) checkSnapshot() {
	s := j.Snapshot
	if s == nil {
		return
	}
	if s.Template == "" {
		j.fail("snapshot.template", "", "want one for the names, such as auto_%%Y-%%m-%%d_%%H:%%M:%%S")
	}
	j.checkWhen("snapshot", &s.When)
	if step := s.Template.step(); s.Every > 0 && time.Duration(s.Every) < step && s.Template != "" {
		j.fail("snapshot.template", "", "%q makes the same name within %v, but there is a snapshot every %v", s.Template, Duration(step), s.Every)
	}
}

// checkWhen checks when a part runs. It may follow some others.
func (j *Job) checkWhen(part string, w *When, after ...string) {
	set := 0
	for _, is := range []bool{w.Every != 0, w.Cron != "", w.After != ""} {
		if is {
			set++
		}
	}
	for _, field := range []string{"every", "cron", "after"} {
		if j.file.failed(join2(j.path, part+"."+field)) {
			return
		}
	}
	switch {
	case set > 1:
		j.fail(part, "", "it has several of every, cron and after: want one")
	case set == 0 && len(after) == 0:
		j.fail(part, "", "when? Want every, as in \"every: 1h\", or cron, as in \"cron: 30 2 * * *\"")
	case w.After != "":
		j.checkAfter(part, w.After, after)
	case set == 1:
		j.checkSlots(part, w)
	}
}

// checkAfter checks that what a part follows is there.
func (j *Job) checkAfter(part, name string, allowed []string) {
	has := map[string]bool{AfterSnapshot: j.Snapshot != nil, AfterReplicate: j.Replicate != nil}
	for _, a := range allowed {
		if a == name {
			if !has[name] {
				j.fail(part+".after", "", "the job has no %s", name)
			}
			return
		}
	}
	want := "want every or cron"
	if len(allowed) > 0 {
		want = "want " + strings.Join(allowed, " or ")
	}
	j.fail(part+".after", suggest(name, allowed), "%q: %s", name, want)
}

func (j *Job) checkSlots(part string, w *When) {
	spec := j.spec(w)
	jitter := spec.Jitter
	if _, err := spec.Slots(); err != nil {
		spec.Jitter = 0
		if _, plain := spec.Slots(); plain == nil {
			j.fail("jitter", "", "%v is too long for %s: %w", Duration(jitter), part, err)
			return
		}
		j.fail(part, "", "%w", err)
	}
}

func (j *Job) spec(w *When) schedule.Spec {
	return schedule.Spec{Every: time.Duration(w.Every), Cron: string(w.Cron), Zone: j.Zone.Or(time.Local), Jitter: time.Duration(j.Jitter), Key: j.Name}
}

// Slots returns when a part of the job runs, nil if it follows another one. The job is one that was loaded.
func (j *Job) Slots(w *When) *schedule.Slots {
	if w.Every == 0 && w.Cron == "" {
		return nil
	}
	slots, err := j.spec(w).Slots()
	if err != nil {
		panic(err) // it was checked
	}
	return slots
}

func (j *Job) checkReplicate() {
	r := j.Replicate
	if r == nil {
		return
	}
	if len(r.Targets) == 0 {
		j.fail("replicate.targets", "", `want one or more, as in "- to: backup/home"`)
	}
	for i := range r.Targets {
		j.checkTarget(fmt.Sprintf("replicate.targets[%d]", i), &r.Targets[i])
	}
	if r.When == (When{}) && j.Snapshot == nil {
		j.fail("replicate", "", "when? The job takes no snapshots that it could follow: want every or cron")
		return
	}
	j.checkWhen("replicate", &r.When, AfterSnapshot)
}

func (j *Job) checkTarget(path string, t *Target) {
	if t.To.Dataset == "" {
		j.fail(path+".to", "", "want a dataset, such as backup/home or user@host:backup/home")
	}
	for field, name := range map[string]string{"cursor": t.Cursor, "hold": t.Hold} {
		if name != "" && !markName.MatchString(name) {
			j.fail(path+"."+field, "", "%q: want letters, digits, _, . and -, at most 64", name)
		}
	}
	for k, property := range t.Ignore {
		if property == "" || strings.ContainsAny(property, "-=, ") && !strings.Contains(property, ":") {
			j.fail(fmt.Sprintf("%s.ignore[%d]", path, k), "", "%q is no property", property)
		}
	}
}

// markName are names of cursors and holds.
var markName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (j *Job) checkPrune() {
	p := j.Prune
	if p == nil {
		return
	}
	if p.Source == nil && p.Target == nil {
		j.fail("prune", "", "what? Want source, target, or both, with what is to be kept there")
	}
	if p.Target != nil && j.Replicate == nil {
		j.fail("prune.target", "", "the job has no targets: it has no replicate")
	}
	for side, k := range map[string]*Keep{"prune.source": p.Source, "prune.target": p.Target} {
		switch {
		case k == nil:
		case k.keepsNothing():
			j.fail(side, "", "it keeps nothing: want keep_last, keep_grid, keep_match, keep_younger or another rule")
		case k.Match.re == nil && j.Snapshot == nil:
			j.fail(side, "snapshots that don't match are never touched", "which snapshots? The job takes none itself: want match, as in \"match: ^auto_\"")
		}
	}
	if p.When == (When{}) && j.Snapshot == nil && j.Replicate == nil {
		j.fail("prune", "", "when? The job has no other part that it could follow: want every or cron")
		return
	}
	j.checkWhen("prune", &p.When, AfterSnapshot, AfterReplicate)
}

// place is a tree of datasets that a job writes to.
type place struct {
	job   *Job
	field string
	to    Endpoint
}

func (p place) String() string {
	return fmt.Sprintf("%s of job %q", p.to, p.job.Name)
}

// checkTargets finds jobs that would receive into each other's targets, or into their own source.
func (c *Config) checkTargets() {
	var places []place
	for i := range c.Jobs {
		j := &c.Jobs[i]
		if j.Replicate == nil {
			continue
		}
		for k, t := range j.Replicate.Targets {
			p := place{j, fmt.Sprintf("replicate.targets[%d].to", k), t.To}
			if t.To.Dataset == "" {
				continue
			}
			if t.To == j.Source || j.Recursive && below(t.To, j.Source) {
				j.fail(p.field, "", "it is the job's source, or below it")
			}
			for _, other := range places {
				if p.to == other.to || p.has(other.to) || other.has(p.to) {
					j.fail(p.field, "", "it overlaps with %v: they would write to the same datasets", other)
					break
				}
			}
			places = append(places, p)
		}
	}
}

// below reports whether a is truly below b.
func below(a, b Endpoint) bool {
	return a.Host == b.Host && strings.HasPrefix(a.Dataset, b.Dataset+"/")
}

// has reports whether the job may write to a dataset below its target.
func (p place) has(e Endpoint) bool {
	left := replicate.Filter{Exclude: globs(p.job.Exclude)}
	return p.job.Recursive && below(e, p.to) && left.Dataset(strings.TrimPrefix(e.Dataset, p.to.Dataset+"/"), nil)
}
