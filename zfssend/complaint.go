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
// What follows belongs to it, such as a list of dependent datasets, but for the explanation of a command's usage. What
// stands in front, such as a warning of what wraps zfs or of its loader, counts only if there is no complaint.
//
// Known are the names that it may be about.
func complaints(stderr string, known func(name string) bool) []complaint {
	const most = 500 // bytes of a message, about
	var list []complaint
	var texts []string // of the complaints, with their line breaks
	foreign := false   // the first one is none yet
	for line := range strings.Lines(stderr) {
		line = strings.TrimRight(line, "\n")
		if line == "usage:" {
			break
		}
		c, ok := parseComplaint(line, known)
		last := len(list) - 1
		switch {
		case ok && foreign:
			list, texts, foreign = []complaint{c}, []string{c.message}, false
		case ok:
			list, texts = append(list, c), append(texts, c.message)
		case line == "", line == "no snapshots were created", line == "no datasets available", isLeftOut(line):
		case last < 0:
			list, texts, foreign = []complaint{{message: line}}, []string{line}, true
		case len(list[last].message) < most:
			list[last].message += "; " + line
			texts[last] += "\n" + line
		}
	}
	for i := range list {
		list[i].cause = classify(texts[i])
	}
	return list
}

func parseComplaint(line string, known func(name string) bool) (c complaint, ok bool) {
	if rest, ok := strings.CutPrefix(line, "bookmark '"); ok {
		name, rest, ok := strings.Cut(rest, "'")
		return complaint{name: name, message: strings.TrimSpace(rest)}, ok
	}
	if rest, ok := strings.CutPrefix(line, "cannot destroy snapshot "); ok {
		if name, message, ok := cutPlainName(rest, known); ok {
			return complaint{name: name, message: message}, true
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

// cutPlainName cuts a name that isn't quoted from the message that follows. Both may have ": " in them, and the message the
// name again, so the longest name that is known is meant, or, of another one, the longest that it can be.
func cutPlainName(text string, known func(name string) bool) (name, message string, ok bool) {
	longest := strings.LastIndex(text, ": ")
	for i := longest; i >= 0; i = strings.LastIndex(text[:i], ": ") {
		if known(text[:i]) {
			return text[:i], text[i+2:], true
		}
	}
	if longest < 0 {
		return "", "", false
	}
	return text[:longest], text[longest+2:], true
}

// among reports whether a name is one of these.
func among(names []string) (known func(name string) bool) {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return func(name string) bool { return set[name] }
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
