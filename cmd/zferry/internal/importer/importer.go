package importer

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
)

// Placeholder stands for a pool that the imported files don't tell.
const Placeholder = "CHANGEME"

// Note says what wasn't carried over, or has to be looked at.
type Note struct {
	File string
	Line int // from 1; 0 if it is about the file as a whole
	Text string
}

// String returns "zrepl.yml:7: …".
func (n Note) String() string {
	if n.Line == 0 {
		return n.File + ": " + n.Text
	}
	return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text)
}

// Importer collects jobs of several files.
type Importer struct {
	config config.Config
	notes  []Note
	file   string // that is being read
}

// New returns an Importer without jobs.
func New() *Importer { return &Importer{} }

// ErrUnknownKind is the error for a file that is none of those that can be imported.
var ErrUnknownKind = errors.New("it is neither a zrepl.yml nor a sanoid.conf, and has no syncoid in it")

var section = regexp.MustCompile(`(?m)^\s*\[[^\]\n]+\]\s*(#.*|;.*)?$`)

// Add reads a file, of which it finds out what it is.
func (i *Importer) Add(file string, data []byte) error {
	i.file = file
	switch {
	case section.Match(data) && !bytes.Contains(data, []byte("jobs:")):
		return i.sanoid(data)
	case regexp.MustCompile(`(?m)^\s*jobs:`).Match(data):
		return i.zrepl(data)
	case syncoidWord.Match(data):
		i.syncoid(data)
		return nil
	}
	return fmt.Errorf("%s: %w", file, ErrUnknownKind)
}

// YAML returns the configuration. The error is what "zferry config check" would say of it.
func (i *Importer) YAML() (text []byte, err error) {
	if text, err = config.Marshal(&i.config); err != nil {
		return nil, err
	}
	_, err = config.Parse("result", text)
	return text, err
}

// Notes returns all notes, in the order of files and lines.
func (i *Importer) Notes() []Note {
	files := []string{}
	for _, n := range i.notes {
		if !slices.Contains(files, n.File) {
			files = append(files, n.File)
		}
	}
	list := slices.Clone(i.notes)
	slices.SortStableFunc(list, func(a, b Note) int {
		return cmp.Or(cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)), cmp.Compare(a.Line, b.Line))
	})
	return list
}

func (i *Importer) note(line int, format string, args ...any) {
	if n := (Note{i.file, line, strings.TrimSpace(fmt.Sprintf(format, args...))}); !slices.Contains(i.notes, n) {
		i.notes = append(i.notes, n)
	}
}

// set sets a value by its text, and notes if it can't.
func (i *Importer) set(line int, v encoding.TextUnmarshaler, text string) bool {
	if err := v.UnmarshalText([]byte(text)); err != nil {
		i.note(line, "not carried over: %v", err)
		return false
	}
	return true
}

// endpoint returns a dataset, of a host if that isn't "".
func (i *Importer) endpoint(line int, host, dataset string) config.Endpoint {
	text := dataset
	if host != "" {
		text = host + ":" + dataset
	}
	e, err := endpoint.Parse(text)
	if err != nil {
		i.note(line, "%v", err)
	}
	return e
}

// add adds a job, whose name is made fit and its own.
func (i *Importer) add(j config.Job) {
	name := strings.Trim(unfit.ReplaceAllString(j.Name, "-"), "-.")
	if len(name) > 56 {
		name = name[:56]
	}
	j.Name = cmp.Or(name, "job")
	for n := 2; slices.ContainsFunc(i.config.Jobs, func(other config.Job) bool { return other.Name == j.Name }); n++ {
		j.Name = fmt.Sprintf("%s-%d", cmp.Or(name, "job"), n)
	}
	i.config.Jobs = append(i.config.Jobs, j)
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// glob returns a pattern for exactly a dataset below the source, by its path.
func (i *Importer) glob(line int, path string) (list []config.Glob) {
	if !strings.Contains(path, "/") {
		i.note(line, "the pattern %q leaves out datasets of that name at any depth: check that there are no others", path)
	}
	var g config.Glob
	if i.set(line, &g, path) {
		list = append(list, g)
	}
	return list
}

// lines calls f with each line and its number. Those that end with a backslash go on in the next one.
func lines(data []byte, f func(n int, line string)) {
	scanner := bufio.NewScanner(bytes.NewReader(data))
	scanner.Buffer(nil, 1<<20)
	begin, joined := 0, ""
	for n := 1; scanner.Scan(); n++ {
		if begin == 0 {
			begin = n
		}
		text, more := strings.CutSuffix(scanner.Text(), `\`)
		joined += text
		if more {
			joined += " "
			continue
		}
		f(begin, joined)
		begin, joined = 0, ""
	}
	if joined != "" {
		f(begin, joined)
	}
}
