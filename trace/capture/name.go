package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/internal/bytesize"
)

// A FileConfig says where a trace is written to. All but Path may be left out.
type FileConfig struct {
	// Path is the file's name, whose extension says the format; with ".gz" behind that, the file is packed. "%p" in it
	// becomes the number of the process, and "%n" that of the file: one more than the highest one that is there.
	Path string

	// MaxSize is the size in bytes, 64 KiB or more, at which the trace goes on in a file with the next number, which
	// begins with what is open then. A file may be larger by what one flush writes, and by what was open. 0 is no limit.
	MaxSize int64

	// Keep is how many numbered files there are at most, that which is being written included; with the next one, the
	// oldest is removed, also if it is of an earlier run. One that another process is writing is left alone. 0 is all.
	Keep int
}

const minMaxSize = 64 << 10

// ParseFile reads the text form of a FileConfig, as SPANSTACK_TRACE has it: a path, and after commas what is not usual.
//
//	trace.json
//	trace-%p.json.gz
//	trace-%n.json,max_size=100MB,keep=5
//
// A size is a whole number with B, kB, MB, GB, KiB, MiB or GiB. If a name of files with a max_size or a keep has no "%n",
// "-%n" is put in front of its extension. A comma in the path is written \, and a backslash in front of one \\.
func ParseFile(s string) (FileConfig, error) {
	parts := splitCommas(s)
	c := FileConfig{Path: parts[0]}
	if c.Path == "" {
		return c, errors.New("trace file: want a path")
	}
	seen := map[string]bool{}
	for _, option := range parts[1:] {
		key, value, _ := strings.Cut(option, "=")
		if seen[key] {
			return FileConfig{}, fmt.Errorf("trace file %s: %s is there twice", c.Path, key)
		}
		seen[key] = true
		var err error
		switch key {
		case "max_size":
			c.MaxSize, err = parseSize(value)
		case "keep":
			if c.Keep, err = strconv.Atoi(value); err != nil || c.Keep < 1 {
				err = fmt.Errorf("%q: want a number of files, 1 or more", value)
			}
		default:
			return FileConfig{}, fmt.Errorf("trace file %s: unknown option %q: want max_size or keep; "+
				`a comma in a name is written \,`, c.Path, key)
		}
		if err != nil {
			return FileConfig{}, fmt.Errorf("trace file %s: %s: %w", c.Path, key, err)
		}
	}
	return c, nil
}

// splitCommas splits at commas that have no backslash in front.
func splitCommas(s string) (parts []string) {
	var part []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == ',' || s[i+1] == '\\'):
			i++
			part = append(part, s[i])
		case s[i] == ',':
			parts, part = append(parts, string(part)), nil
		default:
			part = append(part, s[i])
		}
	}
	return append(parts, string(part))
}

func parseSize(s string) (int64, error) {
	n, err := bytesize.Parse(s)
	if err == nil && n < minMaxSize {
		return 0, fmt.Errorf("%q is too small: want 64KiB or more", s)
	}
	return n, err
}

// names are those of the files of a trace.
type names struct {
	dir            string
	before, behind string // of the number
	numbered       bool
	path           string // if they have no number
}

const numberMark = "%n"

// names checks the configuration.
func (c FileConfig) names() (n names, err error) {
	path := strings.ReplaceAll(c.Path, "%p", strconv.Itoa(os.Getpid()))
	if _, _, err := formatOf(path); err != nil {
		return n, err
	}
	if c.MaxSize != 0 && c.MaxSize < minMaxSize {
		return n, fmt.Errorf("a limit of %d bytes: want %d or more", c.MaxSize, minMaxSize)
	}
	if c.Keep < 0 {
		return n, fmt.Errorf("keep %d files: want 1 or more", c.Keep)
	}
	if (c.MaxSize > 0 || c.Keep > 0) && !strings.Contains(path, numberMark) {
		stem, gz := path, ""
		if strings.HasSuffix(strings.ToLower(path), ".gz") {
			stem, gz = path[:len(path)-3], path[len(path)-3:]
		}
		ext := filepath.Ext(stem)
		path = strings.TrimSuffix(stem, ext) + "-" + numberMark + ext + gz
	}
	dir, base := filepath.Split(path)
	switch {
	case strings.Contains(dir, numberMark), strings.Count(base, numberMark) > 1:
		return n, errors.New(`want "%n" once, in the last part of the path`)
	case !strings.Contains(base, numberMark):
		return names{path: path}, nil
	}
	n = names{dir: dir, numbered: true}
	n.before, n.behind, _ = strings.Cut(base, numberMark)
	if n.before == "" && c.Keep > 0 {
		return n, errors.New(`want a name in front of "%n", lest files of others are removed`)
	}
	return n, nil
}

// numbers returns those of the files that are there, in order. Others of such names aren't ours.
func (n names) numbers() (all []int) {
	dir := n.dir
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // as creating the file will tell
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), n.before)
		digits, ok2 := strings.CutSuffix(digits, n.behind)
		number, err := strconv.Atoi(digits)
		if !ok || !ok2 || err != nil || number <= 0 || number == math.MaxInt || strconv.Itoa(number) != digits {
			continue
		}
		if e.Type().IsRegular() {
			all = append(all, number)
		}
	}
	slices.Sort(all)
	return all
}

func (n names) of(number int) string { return n.dir + n.before + strconv.Itoa(number) + n.behind }

// create creates the file that comes after the one with this number.
func (n names) create(after int) (*part, error) {
	p, err := &part{path: n.path}, error(nil)
	if !n.numbered {
		p.file, err = create(p.path, 0)
	}
	for try := 0; n.numbered && p.file == nil; try++ { // another process may be faster
		if all := n.numbers(); len(all) > 0 {
			after = max(after, all[len(all)-1])
		}
		after++
		p.number, p.path = after, n.of(after)
		if p.file, err = create(p.path, os.O_EXCL); err != nil && (!errors.Is(err, fs.ErrExist) || try == 100) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	format, packed, err := formatOf(p.path)
	if err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	p.out = &counter{w: p.file}
	p.w = newWriter(format, p.out, packed)
	return p, nil
}

// removeOld removes what is more than so many files. What can't be removed now is next time.
func (n names) removeOld(current, keep int) {
	if !n.numbered || keep == 0 {
		return
	}
	all := slices.DeleteFunc(n.numbers(), func(number int) bool { return number == current })
	for len(all) >= keep {
		removeUnused(n.of(all[0]))
		all = all[1:]
	}
}

// removeUnused removes a trace, unless a process is writing it.
func removeUnused(path string) {
	file, err := os.OpenFile(path, os.O_WRONLY|nonBlocking, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if lock(file) == nil {
		_ = os.Remove(path)
	}
}
