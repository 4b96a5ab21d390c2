package main

import (
	"fmt"
	"slices"
	"strings"
)

// A Table is a table of results in Markdown.
type Table struct{ Name, Text string }

// Tables returns the tables of the document, with one column for each report.
func Tables(reports []Report) []Table {
	return []Table{
		{"machines", machines(reports)},
		{"blocked", blocked(reports)},
		{"ends", ends(reports)},
		{"others", meanwhile(reports)},
	}
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// header returns the first two rows of a table that has a column for each report.
func header(first string, reports []Report) string {
	names := []string{first}
	for _, r := range reports {
		names = append(names, r.name())
	}
	return row(names...) + "|" + strings.Repeat("---|", len(names)) + "\n"
}

func (r Report) name() string {
	version, _, _ := strings.Cut(r.ZFS, "-")
	if r.TaskQ {
		return version + " taskq"
	}
	return version
}

func machines(reports []Report) string {
	text := row("column", "ZFS commands", "module", "sends write", "kernel", "date") + "|---|---|---|---|---|---|\n"
	for _, r := range reports {
		how := "directly"
		if r.TaskQ {
			how = "through a taskq"
		}
		text += row(r.name(), r.ZFS, r.Module, how, r.Kernel, r.Date)
	}
	return text
}

// blocked tells where a send waits whose pipe is full.
func blocked(reports []Report) string {
	text := row("", "`zfs send`", "kernel thread that writes") + "|---|---|---|\n"
	for _, r := range reports {
		for _, result := range r.of("kill") {
			writer := "none"
			if len(result.Blocked.Writers) > 0 {
				writer = place(result.Blocked.Writers[0])
			}
			text += row(r.name(), place(result.Blocked.Threads[0]), writer)
		}
	}
	return text
}

func place(t Thread) string {
	return fmt.Sprintf("`%s`, state %s, wchan `%s`", t.Name, t.State, t.WChan)
}

// ends tells what ended which case.
func ends(reports []Report) string {
	text := header("what is done to a blocked `zfs send`", reports)
	for _, c := range Cases() {
		cells := []string{c.Title}
		for _, r := range reports {
			cells = append(cells, outcomes(r.of(c.Name)))
		}
		text += row(cells...)
	}
	return text
}

func (r Report) of(name string) []Result {
	var list []Result
	for _, result := range r.Results {
		if result.Case == name {
			list = append(list, result)
		}
	}
	return list
}

// outcomes returns how runs of the same case ended: the time of a single one, or how many ended in which way.
func outcomes(results []Result) string {
	if len(results) == 1 {
		return outcome(results[0], true)
	}
	var distinct []string
	count := map[string]int{}
	for _, r := range results {
		o := outcome(r, false)
		if count[o]++; count[o] == 1 {
			distinct = append(distinct, o)
		}
	}
	slices.Sort(distinct)
	for i, o := range distinct {
		if count[o] < len(results) {
			distinct[i] = fmt.Sprintf("%d of %d: %s", count[o], len(results), o)
		}
	}
	return strings.Join(distinct, "; ")
}

func outcome(r Result, times bool) string {
	var list []string
	for _, s := range r.Steps {
		name := s.Action
		if name == nothing {
			name = "by itself"
		}
		switch {
		case s.Ended && times:
			name += fmt.Sprintf(": %.2f s, %s", s.Seconds, r.Ended)
		case s.Ended:
			name += ": " + r.Ended
		case s.Hangs:
			name += ": **hangs**"
		default:
			continue
		}
		list = append(list, name)
	}
	switch {
	case len(list) == 0 && r.Ended != "": // before the last action
		list = append(list, "at once: "+r.Ended)
	case r.Ended == "":
		list = append(list, "**nothing ends it**")
	}
	return strings.Join(list, "; ")
}

// meanwhile tells what other commands did after a send was killed.
func meanwhile(reports []Report) string {
	text := header("after SIGKILL", reports)
	var commands []string
	results := map[string]map[string]string{}
	for _, r := range reports {
		results[r.name()] = map[string]string{}
		for _, result := range r.of("kill") {
			s, _ := result.step(others)
			for _, o := range s.Commands {
				if !slices.Contains(commands, o.Command) {
					commands = append(commands, o.Command)
				}
				results[r.name()][o.Command] = o.Result
			}
		}
	}
	for _, command := range commands {
		cells := []string{"`" + command + "`"}
		for _, r := range reports {
			// A message ends with what it means.
			result := results[r.name()][command]
			cells = append(cells, strings.TrimSpace(result[strings.LastIndex(result, ":")+1:]))
		}
		text += row(cells...)
	}
	return text
}
