package zfssend

import "strings"

// complaint is what zfs says on stderr about one name, or about none.
type complaint struct {
	name    string // "" if it names nothing
	message string // one line
	cause   Cause
}

// complaints parses stderr, where each complaint begins with a line in one of these forms:
//
//	cannot hold snapshot 'tank/a@x': tag already exists on this dataset
//	cannot destroy snapshot tank/a@x: dataset is busy
//	bookmark 'tank/a#x' does not exist.
//	cannot hold: permission denied
//
// What follows belongs to it, such as a list of dependent datasets, but for the explanation of a command's usage.
func complaints(stderr string) []complaint {
	var list []complaint
	for line := range strings.Lines(stderr) {
		line = strings.TrimRight(line, "\n")
		if line == "usage:" {
			break
		}
		c, ok := parseComplaint(line)
		switch {
		case ok:
			list = append(list, c)
		case len(list) == 0 && line != "":
			list = append(list, complaint{message: line})
		case line != "" && line != "no snapshots were created" && line != "no datasets available":
			last := &list[len(list)-1]
			if len(last.message) < 500 {
				last.message += "; " + line
			}
		}
	}
	for i := range list {
		list[i].cause = classify(list[i].message)
	}
	return list
}

func parseComplaint(line string) (c complaint, ok bool) {
	if rest, ok := strings.CutPrefix(line, "bookmark '"); ok {
		name, rest, ok := strings.Cut(rest, "'")
		return complaint{name: name, message: strings.TrimSpace(rest)}, ok
	}
	if rest, ok := strings.CutPrefix(line, "cannot destroy snapshot "); ok {
		// The name isn't quoted and may hold ": ", but the message doesn't.
		if i := strings.LastIndex(rest, ": "); i >= 0 {
			return complaint{name: rest[:i], message: rest[i+2:]}, true
		}
	}
	if !strings.HasPrefix(line, "cannot ") {
		return complaint{message: line}, strings.HasPrefix(line, "could not ")
	}
	if before, rest, ok := strings.Cut(line, "'"); ok && !strings.Contains(before, ": ") {
		if name, message, ok := strings.Cut(rest, "': "); ok {
			return complaint{name: name, message: message}, true
		}
	}
	_, message, ok := strings.Cut(line, ": ")
	if !ok {
		message = line
	}
	return complaint{message: message}, true
}

// blame finds those that complaints are about: by name, or as the version of a dataset that is named. The rest are
// complaints about nobody or about somebody else.
func blame(list []complaint, names []string) (about map[string]complaint, rest []complaint) {
	about = make(map[string]complaint)
	byDataset := make(map[string][]string)
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
		byDataset[datasetOf(name)] = append(byDataset[datasetOf(name)], name)
	}
	for _, c := range list {
		switch {
		case c.name != "" && known[c.name]:
			about[c.name] = c
		case c.name != "" && len(byDataset[c.name]) > 0:
			for _, name := range byDataset[c.name] {
				about[name] = c
			}
		default:
			rest = append(rest, c)
		}
	}
	return about, rest
}
