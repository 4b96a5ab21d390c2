package importer

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/internal/bytesize"
)

// zreplFile is a zrepl.yml.
type zreplFile struct {
	*Importer
	root *tree
}

// zrepl reads a zrepl.yml.
func (i *Importer) zrepl(data []byte) error {
	root, err := parseTree(data)
	if err != nil {
		return fmt.Errorf("%s:%w", i.file, err)
	}
	f := &zreplFile{i, root}
	f.global(root.get("global"))
	jobs := root.get("jobs").items()
	for n, job := range jobs {
		name := cmp.Or(job.str("name"), fmt.Sprintf("job-%d", n+1))
		switch kind := job.str("type"); kind {
		case "push", "local":
			f.push(name, job)
		case "pull":
			f.pull(name, job)
		case "source":
			f.snap(name, job)
			f.note(job.line, "job %q: its other side pulls: make a job there with the source USER@THIS-HOST:DATASET, and let it log in", name)
			job.get("serve").all()
		case "snap":
			f.snap(name, job)
		case "sink":
			f.note(job.line, "job %q: nothing is needed to be pushed to but ssh: the other side starts \"zferry agent\", which can be confined to %s", name, job.str("root_fs"))
			job.get("serve").all()
		default:
			f.note(job.line, "job %q: there is no type %q", name, kind)
		}
	}
	root.unused("", func(line int, path, value string) { f.note(line, "not carried over: %s%s", path, value) })
	return nil
}

// all marks all of a tree as looked at.
func (t *tree) all() {
	if t == nil {
		return
	}
	t.used = true
	for _, v := range t.fields {
		v.all()
	}
	for _, v := range t.list {
		v.all()
	}
}

func (f *zreplFile) global(g *tree) {
	for _, m := range g.get("monitoring").items() {
		if m.str("type") != "prometheus" {
			continue
		}
		if _, port, err := net.SplitHostPort(m.str("listen")); err == nil {
			f.config.Listen = config.Address(m.str("listen"))
			if strings.HasPrefix(m.str("listen"), ":") {
				f.note(m.at(), "metrics are at loopback's port %s alone; they have other names: see packaging/prometheus", port)
			}
		}
	}
	for _, l := range g.get("logging").items() {
		f.note(l.line, "the log isn't carried over: without \"log\", lines of level info go to stderr, and so to the journal")
		l.all()
	}
}

// snap makes a job that takes snapshots, and prunes them.
func (f *zreplFile) snap(name string, job *tree) {
	for _, j := range f.sources(name, job) {
		f.snapshotting(&j, job.get("snapshotting"))
		keep := cmp.Or(job.get("pruning", "keep"), job.get("pruning", "keep_sender"))
		if k := f.keep(keep); k != nil {
			j.Prune = &config.Prune{Source: f.matched(k, &j, keep)}
		}
		if j.Snapshot == nil && j.Prune == nil {
			f.note(job.line, "job %q does nothing here: its snapshots are taken by others", name)
			continue
		}
		if j.Snapshot == nil {
			j.Prune.Every = config.Duration(24 * time.Hour)
			f.note(keep.at(), "job %q prunes once a day, since it takes no snapshots", name)
		}
		f.add(j)
	}
}

// push makes jobs of one that replicates from here.
func (f *zreplFile) push(name string, job *tree) {
	f.cursors(name, job)
	host, root := f.receiver(name, job)
	for _, j := range f.sources(name, job) {
		f.snapshotting(&j, job.get("snapshotting"))
		t := f.target(name, job)
		t.To = f.endpoint(job.line, host, root+"/"+j.Source.Dataset)
		j.Replicate = &config.Replicate{Targets: []config.Target{t}}
		if j.Snapshot == nil {
			j.Replicate.Every = config.Duration(time.Hour)
			f.note(job.line, "job %q replicates every hour, since it takes no snapshots: \"zferry daemon run %s\" does it at once", name, name)
		}
		f.pruning(&j, job.get("pruning"))
		f.add(j)
	}
}

// cursors notes what zrepl leaves.
func (f *zreplFile) cursors(name string, job *tree) {
	f.note(job.line, "job %q: zrepl's bookmarks #zrepl_CURSOR_…_J_%s on the source are found by their GUIDs, so that the first increment can start from them; "+
		"destroy them, and release zrepl's holds (zrepl_STEP_…, zrepl_last_received_…), when zferry has replicated once", name, name)
}

// receiver returns where a job pushes to: a host, "" for this one, and the dataset that all is below.
func (f *zreplFile) receiver(name string, job *tree) (host, root string) {
	connect := job.get("connect")
	if root := job.str("root_fs"); root != "" { // of type local
		return "", root
	}
	switch connect.str("type") {
	case "local":
		listener, identity := connect.str("listener_name"), connect.str("client_identity")
		for _, sink := range f.root.get("jobs").items() {
			if sink.str("type") == "sink" && sink.str("serve", "listener_name") == listener {
				return "", sink.str("root_fs") + "/" + identity
			}
		}
		f.note(connect.at(), "job %q: there is no sink with the listener %q: replace %s by where its root_fs is", name, listener, Placeholder)
		return "", Placeholder
	case "ssh+stdinserver":
		host = f.ssh(connect)
	default:
		host = f.address(name, connect)
	}
	f.note(connect.at(), "job %q: what it pushes is below root_fs/CLIENT of the sink on %s, which isn't in this file: replace %s by that", name, host, Placeholder)
	return host, Placeholder
}

func (f *zreplFile) ssh(connect *tree) (host string) {
	host = connect.str("host")
	if user := connect.str("user"); user != "" {
		host = user + "@" + host
	}
	for _, field := range []string{"port", "identity_file", "options"} {
		if t := connect.get(field); t != nil {
			f.note(t.line, "put %s into ~/.ssh/config of the daemon's user%s", field, t.brief())
			t.all()
		}
	}
	return host
}

// address returns the host of a connection by tcp or tls, which is one by ssh then.
func (f *zreplFile) address(name string, connect *tree) string {
	host, _, err := net.SplitHostPort(connect.str("address"))
	if err != nil || host == "" {
		host = "changeme"
	}
	f.note(connect.at(), "job %q: the connection by %s becomes one by ssh: let the daemon's user log in at %s, or use tls://HOST:PORT/DATASET with zferry agent --listen",
		name, cmp.Or(connect.str("type"), "an unknown kind"), host)
	connect.all()
	return host
}

// pull makes a job of one that fetches from elsewhere.
func (f *zreplFile) pull(name string, job *tree) {
	connect := job.get("connect")
	host := ""
	switch connect.str("type") {
	case "ssh+stdinserver":
		host = f.ssh(connect)
	case "local":
		f.note(connect.at(), "job %q: its source is of this host", name)
		connect.all()
	default:
		host = f.address(name, connect)
	}
	f.note(job.line, "job %q: which datasets it pulls is said on %s: replace %s by that, and add what is excluded there", name, cmp.Or(host, "its other side"), Placeholder)
	f.note(job.line, "job %q: what it has pulled so far is below %s by its whole path, as in %s/tank/home", name, job.str("root_fs"), job.str("root_fs"))
	j := config.Job{Name: name, Source: f.endpoint(job.line, host, Placeholder), Recursive: true}
	t := f.target(name, job)
	t.To = f.endpoint(job.line, "", job.str("root_fs")+"/"+Placeholder)
	j.Replicate = &config.Replicate{Targets: []config.Target{t}}
	interval := job.get("interval")
	if interval == nil || interval.text == "manual" || !f.set(interval.line, &j.Replicate.Every, interval.text) {
		j.Replicate.Every = config.Duration(time.Hour)
		f.note(cmp.Or(interval.at(), job.line), "job %q replicates every hour, for lack of an interval", name)
	}
	f.pruning(&j, job.get("pruning"))
	f.add(j)
}

// target returns the options of a replication.
func (f *zreplFile) target(name string, job *tree) config.Target {
	t := config.Target{Cursor: unfit.ReplaceAllString(name, "-")}
	off := func(path string, v *bool) {
		if x := job.get("send", path); x != nil {
			*v = x.text == "false"
		}
	}
	off("encrypted", &t.AllowPlaintext)
	off("large_blocks", &t.NoLargeBlocks)
	off("embedded_data", &t.NoEmbedded)
	off("compressed", &t.NoCompressed)
	job.get("send", "raw")
	t.Properties = job.str("send", "properties") == "true" || job.str("send", "backup_properties") == "true"
	for _, side := range []string{"send", "recv"} {
		if limit := job.get(side, "bandwidth_limit", "max"); limit != nil {
			if n, err := bytesize.Parse(strings.ReplaceAll(limit.text, " ", "")); err == nil && n > 0 {
				t.Limit = config.Rate(n)
			} else if limit.text != "-1" {
				f.note(limit.line, "not carried over: the limit %q", limit.text)
			}
		}
	}
	for _, item := range job.get("recv", "properties", "inherit").items() {
		t.Ignore = append(t.Ignore, item.text)
	}
	if override := job.get("recv", "properties", "override"); override != nil {
		for _, k := range override.keys {
			t.Set = append(t.Set, config.Pair{Name: k, Value: override.str(k)})
		}
	}
	if n, err := strconv.Atoi(job.str("replication", "concurrency", "steps")); err == nil {
		t.Jobs = n
	}
	switch initial := job.get("conflict_resolution", "initial_replication"); {
	case initial == nil || initial.text == "most_recent": // which is zrepl's default
		t.Newest = true
	case initial.text != "all":
		f.note(initial.line, "not carried over: initial_replication: %s: a new destination gets all snapshots", initial.text)
	}
	return t
}

// filterRule is an entry of a filter: a dataset, or with all below it.
type filterRule struct {
	path    string
	subtree bool
	take    bool
	line    int
}

// covers reports whether a rule is about a dataset below its own.
func (r *filterRule) covers(path string) bool {
	return r.subtree && strings.HasPrefix(path, r.path+"/")
}

// rules returns those of a filter, in the order of their datasets.
func (f *zreplFile) rules(name string, filter *tree) (rules []filterRule) {
	for _, k := range filter.keys {
		v := filter.get(k)
		path, subtree := strings.CutSuffix(k, "<")
		r := filterRule{path, subtree, v.text == "true" || v.text == "ok", v.line}
		switch {
		case path != "":
			rules = append(rules, r)
		case r.take:
			f.note(v.line, "job %q: %q are all pools: name each of them as a source of its own", name, k)
		}
	}
	slices.SortFunc(rules, func(a, b filterRule) int { return cmp.Compare(a.path, b.path) })
	return rules
}

// taken reports whether the last rule before a dataset that is about it takes it: the most specific one, by their order.
func taken(before []filterRule, path string) (take bool) {
	for _, r := range before {
		if r.covers(path) {
			take = r.take
		}
	}
	return take
}

// sources makes a job, without anything to do, of each tree of datasets that a filter has.
func (f *zreplFile) sources(name string, job *tree) (jobs []config.Job) {
	filter := job.get("filesystems")
	if filter == nil {
		f.note(job.line, "job %q has no filesystems", name)
		return nil
	}
	rules := f.rules(name, filter)
	for n, r := range rules {
		if !r.take || taken(rules[:n], r.path) {
			continue
		}
		j := config.Job{Name: name, Source: f.endpoint(r.line, "", r.path), Recursive: r.subtree}
		f.exclude(&j, &r, rules[n+1:])
		jobs = append(jobs, j)
	}
	if len(jobs) > 1 {
		for k := range jobs {
			jobs[k].Name = name + "-" + strings.ReplaceAll(jobs[k].Source.Dataset, "/", "-")
		}
		f.note(filter.line, "job %q becomes %d jobs, since a job has one source", name, len(jobs))
	}
	if len(jobs) == 0 {
		f.note(filter.line, "job %q selects nothing that can be named", name)
	}
	return jobs
}

// exclude leaves out what later rules don't take.
func (f *zreplFile) exclude(j *config.Job, r *filterRule, later []filterRule) {
	for _, below := range later {
		if below.take || !r.covers(below.path) {
			continue
		}
		if !below.subtree {
			f.note(below.line, "job %q: with %s, what is below it is left out, too", j.Name, below.path)
		}
		j.Exclude = append(j.Exclude, f.glob(below.line, strings.TrimPrefix(below.path, r.path+"/"))...)
	}
}

// timestamps are templates for zrepl's formats of time.
var timestamps = map[string]string{"": "%Y%m%d_%H%M%S_%3N", "dense": "%Y%m%d_%H%M%S_%3N", "human": "%Y-%m-%d_%H:%M:%S",
	"iso-8601": "%Y-%m-%dT%H:%M:%S.%3N%z", "unix-seconds": "%s"}

func (f *zreplFile) snapshotting(j *config.Job, s *tree) {
	kind := s.str("type")
	if s == nil || kind == "manual" {
		return
	}
	format := s.get("timestamp_format")
	template, ok := timestamps[s.str("timestamp_format")]
	if !ok {
		template = timestamps[""]
		f.note(format.line, "not carried over: timestamp_format: %s: names have %s", format.text, template)
	}
	j.Snapshot = &config.Snapshot{}
	f.set(s.line, &j.Snapshot.Template, s.str("prefix")+template)
	if zone := s.get("timestamp_location"); zone != nil {
		f.set(zone.line, &j.Snapshot.Zone, zone.text)
	}
	switch kind {
	case "periodic":
		interval := s.get("interval")
		if interval == nil || !f.set(interval.line, &j.Snapshot.Every, interval.text) {
			j.Snapshot.Every = config.Duration(time.Hour)
		}
	case "cron":
		cron := s.get("cron")
		if cron == nil || !f.set(cron.line, &j.Snapshot.Cron, cron.text) {
			j.Snapshot.Every = config.Duration(time.Hour)
		}
	default:
		f.note(s.line, "not carried over: snapshotting of type %q", kind)
		j.Snapshot = nil
	}
	if hooks := s.get("hooks"); hooks != nil {
		f.note(hooks.line, "not carried over: hooks: snapshots are taken without them")
		hooks.all()
	}
}

// pruning sets the rules of both sides.
func (f *zreplFile) pruning(j *config.Job, p *tree) {
	source := f.matched(f.keep(p.get("keep_sender")), j, p.get("keep_sender"))
	target := f.matched(f.keep(p.get("keep_receiver")), j, p.get("keep_receiver"))
	if source != nil || target != nil {
		j.Prune = &config.Prune{Source: source, Target: target}
	}
}

// matched makes sure that rules say which snapshots they are about. For zrepl it is all of them, which is too much to take over
// unasked.
func (f *zreplFile) matched(k *config.Keep, j *config.Job, rules *tree) *config.Keep {
	if k == nil || k.Match.String() != "" {
		return k
	}
	if j.Snapshot != nil {
		f.note(rules.at(), "only snapshots that the job's template names are pruned; zrepl prunes all: add \"match: .\" for that")
		return k
	}
	f.note(rules.at(), "only snapshots that match ^zrepl_ are pruned here: put their prefix there if it is another; zrepl prunes all")
	f.set(rules.at(), &k.Match, "^zrepl_")
	return k
}

// keep makes rules of zrepl's; nil if they keep all.
func (f *zreplFile) keep(rules *tree) *config.Keep {
	if rules == nil {
		return nil
	}
	k := &config.Keep{}
	for _, r := range rules.items() {
		f.rule(k, r)
	}
	if slices.ContainsFunc(k.Names, func(r config.Regexp) bool { return r.String() == ".*" }) {
		return nil
	}
	if k.Last == 0 && len(k.Grid) == 0 && len(k.Names) == 0 && !k.Unreplicated {
		f.note(rules.line, "not carried over: no rule keeps anything, so zrepl would destroy all snapshots; nothing is pruned here")
		return nil
	}
	return k
}

func (f *zreplFile) rule(k *config.Keep, r *tree) {
	expression := r.get("regex")
	match := func() {
		if expression == nil {
			return
		}
		if was := k.Match.String(); was != "" && was != expression.text {
			f.note(expression.line, "not carried over: another regex: rules have the regex %s in common", was)
			return
		}
		f.set(expression.line, &k.Match, expression.text)
	}
	switch kind := r.str("type"); kind {
	case "last_n":
		k.Last, _ = strconv.Atoi(r.str("count"))
		match()
	case "grid":
		grid := r.get("grid")
		var g config.Grid
		if grid == nil || !f.set(grid.line, &g, grid.text) {
			return
		}
		k.Grid = append(k.Grid, g)
		if match(); expression != nil {
			f.note(expression.line, "snapshots that don't match %s are never touched; zrepl destroys those that no rule keeps", expression.text)
		}
	case "regex":
		if r.str("negate") == "true" {
			match()
			return
		}
		var re config.Regexp
		if expression != nil && f.set(expression.line, &re, expression.text) {
			k.Names = append(k.Names, re)
		}
	case "not_replicated":
		k.Unreplicated = true
	default:
		f.note(r.line, "not carried over: a rule of type %q", kind)
	}
}
