package zfssend

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listing puts the outputs of zfs list together. Names hold no tabs, so that the output of -H is unambiguous.
type listing struct {
	options  ListOptions
	root     string
	datasets []Dataset
	index    map[string]int    // by name, into datasets
	names    map[string]string // of versions: many datasets have snapshots of the same names
}

// addDatasets adds the output of zfs list with datasetArgs.
func (l *listing) addDatasets(out string) error {
	l.index = make(map[string]int)
	for line := 1; out != ""; line++ {
		d, rest, err := l.parseDataset(out)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		line += strings.Count(out[:len(out)-len(rest)], "\n") - 1
		out = rest
		if !l.wanted(d.Name) {
			return fmt.Errorf("line %d: %s was not asked for", line, d.Name)
		}
		if _, twice := l.index[d.Name]; twice {
			return fmt.Errorf("line %d: %s for a second time", line, d.Name)
		}
		l.index[d.Name] = len(l.datasets)
		l.datasets = append(l.datasets, d)
	}
	if len(l.datasets) == 0 || l.datasets[0].Name != l.root {
		return errors.New("the dataset itself is missing")
	}
	return nil
}

// wanted reports whether a dataset is one of those that were asked for.
func (l *listing) wanted(dataset string) bool {
	below, ok := strings.CutPrefix(dataset, l.root)
	return ok && (below == "" || l.options.Recursive && below[0] == '/')
}

// parseDataset parses one row and returns what follows it.
func (l *listing) parseDataset(out string) (d Dataset, rest string, err error) {
	row, rest, ok := strings.Cut(out, "\n")
	columns := strings.SplitN(row, "\t", 7)
	withProperties := len(l.options.Properties) > 0
	if !ok || len(columns) < 6 || len(columns) > 6 != withProperties {
		return d, "", fmt.Errorf("not a row of %s: %.200q", datasetColumns, row)
	}
	name, err := parse(columns[0], 0)
	if err != nil {
		return d, "", err
	}
	d = Dataset{Name: name.Dataset, Type: columns[1], Encryption: columns[4]}
	if d.GUID, err = strconv.ParseUint(columns[2], 10, 64); err != nil {
		return d, "", fmt.Errorf("guid: %w", err)
	}
	if d.CreateTXG, err = strconv.ParseUint(columns[3], 10, 64); err != nil {
		return d, "", fmt.Errorf("createtxg: %w", err)
	}
	token := columns[5]
	if token != "-" {
		d.ResumeToken = token
	}
	if !withProperties {
		return d, rest, nil
	}
	start := len(row) - len(columns[6])
	d.Properties, rest, err = l.parseProperties(out[start:], columns[2])
	return d, rest, err
}

// parseProperties parses the values that follow the fixed columns of a row, each with the dataset's guid behind it.
func (l *listing) parseProperties(out, guid string) (values map[string]string, rest string, err error) {
	values = make(map[string]string, len(l.options.Properties))
	for i, p := range l.options.Properties {
		end := "\t" + guid + "\t"
		if i == len(l.options.Properties)-1 {
			end = "\t" + guid + "\n"
		}
		value, rest, ok := strings.Cut(out, end)
		if !ok {
			return nil, "", fmt.Errorf("the value of %s has no end", p)
		}
		values[p], out = value, rest
	}
	return values, out, nil
}

// addVersions adds the output of zfs list with versionArgs. It allocates little: a hundred thousand rows are nothing
// unusual.
func (l *listing) addVersions(out []byte) error {
	l.names = make(map[string]string)
	var last []byte // the dataset of the row before, which is mostly that of the next one
	current := -1
	for line := 1; len(out) > 0; line++ {
		row, rest, ok := bytes.Cut(out, []byte("\n"))
		if !ok {
			return fmt.Errorf("line %d is incomplete: %.200q", line, row)
		}
		out = rest
		dataset, v, err := l.parseVersion(row)
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if current < 0 || !bytes.Equal(dataset, last) {
			last = dataset
			current, ok = l.index[string(dataset)]
			if !ok {
				// Of a dataset below the one that is listed, or of one that was created after the others were listed.
				current = -1
				if _, err := parse(string(dataset), 0); err != nil {
					return fmt.Errorf("line %d: %w", line, err)
				}
			}
		}
		if current >= 0 {
			d := &l.datasets[current]
			d.Versions = append(d.Versions, v)
		}
	}
	for _, d := range l.datasets {
		slices.SortStableFunc(d.Versions, func(a, b Version) int { return cmp.Compare(a.CreateTXG, b.CreateTXG) })
	}
	return nil
}

// parseVersion parses one row.
func (l *listing) parseVersion(row []byte) (dataset []byte, v Version, err error) {
	columns := 3
	if l.options.Creation {
		columns++
	}
	if l.options.Holds {
		columns++
	}
	if got := bytes.Count(row, []byte("\t")) + 1; got != columns {
		return nil, v, fmt.Errorf("%d columns, want %d: %.200q", got, columns, row)
	}
	name, rest, _ := bytes.Cut(row, []byte("\t"))
	sigil := bytes.IndexAny(name, "@#")
	if sigil < 0 {
		return nil, v, fmt.Errorf("%.200q is not the name of a snapshot or bookmark", name)
	}
	if v.Name, err = l.versionName(name[sigil:]); err != nil {
		return nil, v, err
	}
	number := func(column string) uint64 {
		text, after, _ := bytes.Cut(rest, []byte("\t"))
		rest = after
		n, ok := parseUint(text)
		if !ok && err == nil {
			err = fmt.Errorf("%s of %.200s: %.40q is not a number", column, name, text)
		}
		return n
	}
	v.GUID, v.CreateTXG = number("guid"), number("createtxg")
	if l.options.Creation {
		v.Creation = time.Unix(int64(number("creation")), 0)
	}
	if l.options.Holds {
		if name[sigil] != '#' || string(rest) != "-" {
			v.Holds = int(number("userrefs"))
		}
	}
	return name[:sigil], v, err
}

// versionName returns a name with its sigil, as the same string for all datasets.
func (l *listing) versionName(name []byte) (string, error) {
	if known, ok := l.names[string(name)]; ok {
		return known, nil
	}
	s := string(name)
	if reason := checkComponent(s[1:]); reason != "" {
		return "", &NameError{Name: s, Reason: reason}
	}
	l.names[s] = s
	return s, nil
}

// parseUint is strconv.ParseUint for decimals, without making a string of them.
func parseUint(text []byte) (n uint64, ok bool) {
	for _, c := range text {
		digit := uint64(c - '0')
		if digit > 9 || n > (1<<64-1-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, len(text) > 0
}
