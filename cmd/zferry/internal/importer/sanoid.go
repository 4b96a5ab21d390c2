package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
)

// iniSection is a section of sanoid.conf: a dataset, or a template.
type iniSection struct {
	name   string
	line   int
	values map[string]iniValue
}

type iniValue struct {
	text string
	line int
}

// sanoidDefaults are what sanoid does where nothing is said.
var sanoidDefaults = map[string]string{"autosnap": "yes", "autoprune": "yes", "frequently": "0", "frequent_period": "15", "hourly": "48", "hourly_min": "0",
	"daily": "90", "daily_hour": "23", "daily_min": "59", "weekly": "0", "weekly_wday": "1", "weekly_hour": "23", "weekly_min": "30",
	"monthly": "6", "monthly_mday": "1", "monthly_hour": "0", "monthly_min": "0", "yearly": "0", "yearly_mon": "1", "yearly_mday": "1", "yearly_hour": "0", "yearly_min": "0"}

// periods are those of sanoid, the finest first.
var periods = []string{"frequently", "hourly", "daily", "weekly", "monthly", "yearly"}

// sanoid reads a sanoid.conf.
func (i *Importer) sanoid(data []byte) error {
	sections, err := i.ini(data)
	if err != nil {
		return err
	}
	templates := map[string]*iniSection{}
	var datasets []*iniSection
	for _, s := range sections {
		if name, ok := strings.CutPrefix(s.name, "template_"); ok {
			templates[name] = s
		} else if s.name != "version" {
			datasets = append(datasets, s)
		}
	}
	slices.SortStableFunc(datasets, func(a, b *iniSection) int { return cmp.Compare(a.name, b.name) })
	for _, s := range datasets {
		i.sanoidJob(s, datasets, templates)
	}
	return nil
}

func (i *Importer) ini(data []byte) (sections []*iniSection, err error) {
	lines(data, func(n int, line string) {
		line = strings.TrimSpace(line)
		if k := strings.IndexAny(line, "#;"); k == 0 || k > 0 && (line[k-1] == ' ' || line[k-1] == '\t') {
			line = strings.TrimSpace(line[:k])
		}
		key, value, ok := strings.Cut(line, "=")
		switch {
		case line == "":
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			sections = append(sections, &iniSection{strings.TrimSpace(line[1 : len(line)-1]), n, map[string]iniValue{}})
		case !ok || len(sections) == 0:
			err = cmp.Or(err, fmt.Errorf("%s:%d: want [SECTION] or NAME = VALUE", i.file, n))
		default:
			sections[len(sections)-1].values[strings.TrimSpace(key)] = iniValue{strings.TrimSpace(value), n}
		}
	})
	return sections, err
}

// merged are a section's values over those of its templates, over that named default.
func (i *Importer) merged(s *iniSection, templates map[string]*iniSection) map[string]iniValue {
	values := map[string]iniValue{}
	take := func(from *iniSection) {
		for k, v := range from.values {
			values[k] = v
		}
	}
	if d := templates["default"]; d != nil {
		take(d)
	}
	if use, ok := s.values["use_template"]; ok {
		for name := range strings.SplitSeq(use.text, ",") {
			if t := templates[strings.TrimSpace(name)]; t != nil {
				take(t)
			} else {
				i.note(use.line, "there is no template %q: sanoid's own defaults count", strings.TrimSpace(name))
			}
		}
	}
	take(s)
	return values
}

func yes(s string) bool { return slices.Contains([]string{"yes", "1", "true", "on"}, s) }

func (i *Importer) sanoidJob(s *iniSection, all []*iniSection, templates map[string]*iniSection) {
	values := i.merged(s, templates)
	get := func(key string) string {
		if v, ok := values[key]; ok {
			return v.text
		}
		return sanoidDefaults[key]
	}
	i.sanoidRest(values)
	j := config.Job{Name: s.name, Source: i.endpoint(s.line, "", s.name)}
	j.Recursive = yes(get("recursive")) || get("recursive") == "zfs"
	if j.Recursive {
		for _, below := range all {
			if path, is := strings.CutPrefix(below.name, s.name+"/"); is {
				j.Exclude = append(j.Exclude, i.glob(below.line, path)...)
			}
		}
	}
	if children := values["process_children_only"]; yes(children.text) {
		i.note(children.line, "not carried over: process_children_only: the job takes %s, too", s.name)
	}
	if !yes(get("autosnap")) && !yes(get("autoprune")) {
		i.note(s.line, "%s: neither autosnap nor autoprune: nothing to do", s.name)
		return
	}
	if yes(get("autosnap")) {
		j.Snapshot = i.sanoidSnapshot(s, get)
	}
	if keep := i.sanoidKeep(s, get); yes(get("autoprune")) && keep != nil {
		j.Prune = &config.Prune{Source: keep}
		if j.Snapshot == nil {
			j.Prune.Every = config.Duration(time.Hour)
		}
	}
	if j.Snapshot == nil && j.Prune == nil {
		i.note(s.line, "%s: nothing is kept of any period: nothing to do", s.name)
		return
	}
	i.add(j)
}

// sanoidRest notes values that have no counterpart.
func (i *Importer) sanoidRest(values map[string]iniValue) {
	for key, v := range values {
		if _, known := sanoidDefaults[key]; known || slices.Contains([]string{"use_template", "recursive", "process_children_only"}, key) {
			continue
		}
		switch {
		case strings.HasSuffix(key, "_warn"), strings.HasSuffix(key, "_crit"), strings.HasPrefix(key, "monitor"):
			i.note(v.line, "not carried over: %s = %s: see alert.overdue and alert.lag, and \"zferry status\" as a check", key, v.text)
		case strings.HasSuffix(key, "_script"), key == "script_timeout":
			i.note(v.line, "not carried over: %s = %s: there are no hooks", key, v.text)
		default:
			i.note(v.line, "not carried over: %s = %s", key, v.text)
		}
	}
}

// sanoidSnapshot takes snapshots as often as the finest period that is kept. All are of one kind, and thinned out by age.
func (i *Importer) sanoidSnapshot(s *iniSection, get func(string) string) *config.Snapshot {
	snap := &config.Snapshot{}
	i.set(s.line, &snap.Template, "autosnap_%Y-%m-%d_%H:%M:%S_zferry")
	at := func(format string, keys ...string) config.Cron {
		var fields []any
		for _, k := range keys {
			fields = append(fields, get(k))
		}
		var c config.Cron
		i.set(s.line, &c, fmt.Sprintf(format, fields...))
		return c
	}
	for _, p := range periods {
		if n, err := strconv.Atoi(get(p)); err != nil || n == 0 {
			continue
		}
		switch p {
		case "frequently":
			i.set(s.line, &snap.Every, get("frequent_period")+"m")
		case "hourly":
			if get("hourly_min") == "0" {
				snap.Every = config.Duration(time.Hour)
			} else {
				snap.Cron = at("%s * * * *", "hourly_min")
			}
		case "daily":
			snap.Cron = at("%s %s * * *", "daily_min", "daily_hour")
		case "weekly":
			snap.Cron = at("%s %s * * %s", "weekly_min", "weekly_hour", "weekly_wday")
		case "monthly":
			snap.Cron = at("%s %s %s * *", "monthly_min", "monthly_hour", "monthly_mday")
		case "yearly":
			snap.Cron = at("%s %s %s %s *", "yearly_min", "yearly_hour", "yearly_mday", "yearly_mon")
		}
		return snap
	}
	return nil
}

// sanoidKeep makes grids of how many of each period are kept, which are by the calendar as sanoid's are.
func (i *Importer) sanoidKeep(s *iniSection, get func(string) string) *config.Keep {
	k := &config.Keep{}
	grid := func(text string) {
		var g config.Grid
		if i.set(s.line, &g, text) {
			k.Grid = append(k.Grid, g)
		}
	}
	var words []string
	for _, p := range periods {
		n, err := strconv.Atoi(get(p))
		switch {
		case err != nil || n == 0:
		case p == "frequently":
			grid(fmt.Sprintf("%dx%sm", n, get("frequent_period")))
		default:
			words = append(words, fmt.Sprintf("%s=%d", p, n))
		}
	}
	if len(words) > 0 {
		grid(strings.Join(words, " "))
	}
	if len(k.Grid) == 0 || !i.set(s.line, &k.Match, "^autosnap_") {
		return nil
	}
	return k
}
