package replicate

import (
	"fmt"
	"regexp"
	"strings"
)

// Filter selects datasets and snapshots. The zero value selects all. A dataset is selected if it, or one above it, matches
// a pattern of Include, or there is none, and neither matches one of Exclude.
type Filter struct {
	Include, Exclude                   []Glob // of datasets
	IncludeSnapshots, ExcludeSnapshots []Glob
	// ExcludeProperties leave out datasets that have such a value of a property, be it inherited.
	ExcludeProperties map[string]string
}

// Glob matches the path of a dataset below the one that is replicated, "home/joe", or the name of a snapshot without
// its @. It is made by ParseGlob; its zero value matches nothing.
//
// In a pattern, * stands for any characters but /, ** for any, ? for one. A pattern without a / is about the last part of
// a path, at any depth; "." is the dataset itself that is replicated.
type Glob struct {
	text string
	re   *regexp.Regexp
}

// ParseGlob parses a pattern.
func ParseGlob(text string) (Glob, error) {
	if text == "" || strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") {
		return Glob{}, fmt.Errorf("pattern %q: want a path below the dataset, such as home/joe or tmp*", text)
	}
	var b strings.Builder
	b.WriteString("^")
	if !strings.Contains(text, "/") && text != "." {
		b.WriteString("(?:.*/)?")
	}
	for rest := text; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString("[^/]*")
			rest = rest[1:]
		case rest[0] == '?':
			b.WriteString("[^/]")
			rest = rest[1:]
		default:
			b.WriteString(regexp.QuoteMeta(rest[:1]))
			rest = rest[1:]
		}
	}
	b.WriteString("$")
	re, err := regexp.Compile(b.String())
	if err != nil {
		return Glob{}, fmt.Errorf("pattern %q: %w", text, err)
	}
	return Glob{text: text, re: re}, nil
}

// String returns the pattern's text.
func (p Glob) String() string { return p.text }

// Match reports whether the pattern matches the whole of a path.
func (p Glob) Match(path string) bool { return p.re != nil && p.re.MatchString(path) }

func matchAny(patterns []Glob, path string) bool {
	for _, p := range patterns {
		if p.Match(path) {
			return true
		}
	}
	return false
}

// matchAbove reports whether a pattern matches a path or one above it.
func matchAbove(patterns []Glob, path string) bool {
	for len(patterns) > 0 {
		if matchAny(patterns, path) {
			return true
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			break
		}
		path = path[:i]
	}
	return false
}

// Dataset reports whether a dataset is selected: path is that below the one that is replicated, "." for itself.
func (f *Filter) Dataset(path string, properties map[string]string) bool {
	for name, value := range f.ExcludeProperties {
		if properties[name] == value {
			return false
		}
	}
	return (len(f.Include) == 0 || matchAbove(f.Include, path)) && !matchAbove(f.Exclude, path)
}

// Snapshot reports whether a snapshot is selected: its name is without the @.
func (f *Filter) Snapshot(name string) bool {
	return (len(f.IncludeSnapshots) == 0 || matchAny(f.IncludeSnapshots, name)) && !matchAny(f.ExcludeSnapshots, name)
}

// ofSnapshots reports whether snapshots are filtered at all.
func (f *Filter) ofSnapshots() bool { return len(f.IncludeSnapshots)+len(f.ExcludeSnapshots) > 0 }
