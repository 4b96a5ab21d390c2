package zfssuite

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// normaliser replaces what differs from one run to another.
type normaliser struct {
	root  string
	mount string // where root is mounted
	key   string
	guids []string // by the number that they got
}

var (
	token       = regexp.MustCompile(`1-[0-9a-f]{6,}-[0-9a-f]+-[0-9a-f]+`)
	hexGUID     = regexp.MustCompile(`0x[0-9a-f]{12,16}\b`)
	longNum     = regexp.MustCompile(`\b[0-9]{11,20}\b`)
	clock       = regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`)
	date        = regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun) +\w{3} +\d+ +\d+:\d\d +\d{4}`)
	speed       = regexp.MustCompile(`received .* stream in .*`)
	dashes      = regexp.MustCompile(`(?m)^(---- .*) -+$`)
	resumePoint = regexp.MustCompile(`\b(object|offset|bytes) = 0x[0-9a-f]+`)
	estimate    = regexp.MustCompile(`(?m)^((?:full|incremental)\t.*\t|size\t)[0-9]+$`)
	human       = regexp.MustCompile(`estimated size is \S+`)
	transient   = []string{"createtxg", "creation", "objsetid", "used", "available", "referenced", "logicalreferenced", "logicalused", "written", "usedbydataset", "usedbysnapshots"}
)

// output replaces the root's name, GUIDs, tokens, sizes, numbers of transaction groups, and times.
func (n *normaliser) output(args []string, o output) output {
	if len(args) > 1 && args[1] == "holds" { // as the hash table has them
		o.stdout = strings.Join(slices.Sorted(strings.Lines(o.stdout)), "")
	}
	if len(args) > 2 && args[1] == "send" && args[2] == "-R" { // children are in the order of a hash table
		o.stdout = strings.Join(slices.Sorted(strings.Lines(o.stdout)), "")
	}
	o.stdout = n.columns(args, o.stdout)
	o.stdout, o.stderr = n.text(o.stdout), n.text(o.stderr)
	// What is common to all versions is that there is a usage message, not what it says.
	if i := strings.Index(o.stderr, "usage:"); i == 0 || i > 0 && o.stderr[i-1] == '\n' {
		o.stderr = o.stderr[:i] + "usage:\n"
	}
	if len(args) > 1 && args[1] == "destroy" { // it goes through a hash table
		lines := slices.Sorted(strings.Lines(o.stderr))
		o.stderr = strings.Join(lines, "")
	}
	return o
}

func (n *normaliser) text(s string) string {
	s = strings.NewReplacer(n.root, "$R", n.key, "$KEY", n.mount, "$MNT", pool(n.root)+"\n", "$POOL\n").Replace(s)
	s = dashes.ReplaceAllString(s, "$1 ----")
	s = resumePoint.ReplaceAllString(s, "$1 = HEX")
	s = token.ReplaceAllString(s, "TOKEN")
	s = speed.ReplaceAllString(s, "received SIZE stream in TIME")
	s = estimate.ReplaceAllString(s, "${1}SIZE")
	s = human.ReplaceAllString(s, "estimated size is SIZE")
	s = clock.ReplaceAllString(s, "TIME")
	s = date.ReplaceAllString(s, "DATE")
	s = hexGUID.ReplaceAllString(s, "HEXGUID")
	return longNum.ReplaceAllStringFunc(s, n.guid)
}

// guid names equal GUIDs equally.
func (n *normaliser) guid(s string) string {
	i := slices.Index(n.guids, s)
	if i < 0 {
		i = len(n.guids)
		n.guids = append(n.guids, s)
	}
	return fmt.Sprintf("GUID%d", i+1)
}

// columns replaces the values of properties that are never the same, in the output of zfs list and get with -H.
func (n *normaliser) columns(args []string, text string) string {
	if len(args) < 2 || args[1] != "list" && args[1] != "get" {
		return text
	}
	var header []string
	if i := slices.Index(args, "-o"); i >= 0 {
		header = strings.Split(args[i+1], ",")
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, end := strings.CutSuffix(line, "\n")
		fields := strings.Split(line, "\t")
		property := ""
		for i := range fields {
			if args[1] == "get" && i < len(header) && header[i] == "property" {
				property = fields[i]
			}
			if args[1] == "list" && i < len(header) {
				property = header[i]
			}
			value := args[1] == "list" || i < len(header) && header[i] == "value"
			if value && slices.Contains(transient, property) && fields[i] != "-" {
				fields[i] = strings.ToUpper(property)
			}
		}
		b.WriteString(strings.Join(fields, "\t"))
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// pool returns the first component of a dataset's name.
func pool(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}
