package main

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/zfssend/prune"
	"github.com/spanstack/spanstack/zfssend/snapshot"
)

// pruneFlags are those that say what is pruned and what is kept.
type pruneFlags struct {
	match, template, zone      string
	last                       int
	grids                      []string
	matching, notMatching      []string
	younger, older             string
	unreplicated               bool
	staleCursors               bool
	lastSet, matchSet, tmplSet func() bool
}

func (f *pruneFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.match, "match", "", "prune snapshots with names that match the regular expression `RE`, and no others")
	flags.StringVar(&f.template, "template", snapshot.DefaultTemplate, "prune snapshots with names that this `TEMPLATE` makes, and no others: see \"zferry snapshot --help\"")
	flags.StringVar(&f.zone, "zone", "UTC", "the time `ZONE` of TEMPLATE, and of GRID by the calendar: UTC, local, or one such as Europe/Berlin")

	flags.IntVar(&f.last, "keep-last", 0, "keep the newest `N`")
	flags.StringArrayVar(&f.grids, "keep-grid", nil, "keep what `GRID` says; may be repeated")
	flags.StringArrayVar(&f.matching, "keep-match", nil, "keep those with names that match the regular expression `RE`; may be repeated")
	flags.StringArrayVar(&f.notMatching, "keep-not-match", nil, "keep those with names that don't match the regular expression `RE`; may be repeated")
	flags.StringVar(&f.younger, "keep-younger", "", "keep those that are younger than `AGE`, such as 90m, 12h, 30d, 2w or 1y")
	flags.StringVar(&f.older, "keep-older", "", "keep those that are older than `AGE`")
	flags.BoolVar(&f.unreplicated, "keep-unreplicated", false, "keep those that are newer than what each target has, or, without --target, than each cursor")

	flags.BoolVar(&f.staleCursors, "stale-cursors", false, "also destroy zferry's cursors in whose place a newer one of the same name is")
	f.lastSet = func() bool { return flags.Changed("keep-last") }
	f.matchSet = func() bool { return flags.Changed("match") }
	f.tmplSet = func() bool { return flags.Changed("template") }
}

// policy returns what the flags say.
func (f *pruneFlags) policy() (p prune.Policy, err error) {
	zone, err := snapshot.LoadZone(f.zone)
	if err != nil {
		return p, fmt.Errorf("--zone: %w", err)
	}
	p.StaleCursors = f.staleCursors
	switch {
	case f.matchSet() && f.tmplSet():
		return p, errors.New("--match and --template are two ways to say which snapshots are pruned: want one of them")
	case f.matchSet():
		re, err := compile("--match", f.match)
		if err != nil {
			return p, err
		}
		p.Match = re.MatchString
	default:
		t, err := snapshot.ParseTemplate(f.template, zone)
		if err != nil {
			return p, fmt.Errorf("--template: %w", err)
		}
		p.Match = t.Match
	}
	add := func(flag string, r prune.Rule, ruleErr error) {
		if ruleErr != nil && err == nil {
			err = fmt.Errorf("--%s: %w", flag, ruleErr)
		}
		p.Rules = append(p.Rules, r)
	}
	if f.lastSet() {
		r, err := prune.KeepLast(f.last)
		add("keep-last", r, err)
	}
	for _, text := range f.grids {
		r, err := prune.ParseGrid(text, zone)
		add("keep-grid", r, err)
	}
	for i, list := range [][]string{f.matching, f.notMatching} {
		flag := []string{"keep-match", "keep-not-match"}[i]
		for _, text := range list {
			re, err := compile("--"+flag, text)
			if err != nil {
				return p, err
			}
			add(flag, prune.KeepMatching(re, i == 1), nil)
		}
	}
	if f.younger != "" {
		age, err := prune.ParseAge(f.younger)
		add("keep-younger", prune.KeepYounger(age), err)
	}
	if f.older != "" {
		age, err := prune.ParseAge(f.older)
		add("keep-older", prune.KeepOlder(age), err)
	}
	if f.unreplicated {
		add("keep-unreplicated", prune.KeepUnreplicated(), nil)
	}
	if err == nil && len(p.Rules) == 0 {
		err = errors.New("there is no rule that keeps a snapshot: want at least one flag --keep-…, such as --keep-last 30")
	}
	return p, err
}

func compile(flag, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, fmt.Errorf("%s: it is empty, and would match everything; say so by a dot", flag)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return re, nil
}
