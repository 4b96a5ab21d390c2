package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Glob matches the path of a dataset below the job's source, "home/joe", or the name of a snapshot without its @. In it, *
// stands for any characters but /, ** for any, ? for one. One without a / is about the last part of a path, at any depth; "."
// is the source itself.
type Glob struct {
	text string
	re   *regexp.Regexp
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Glob) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") {
		return fmt.Errorf("pattern %q: want a path below the source, such as home/joe or tmp*", s)
	}
	expression := regexp.QuoteMeta(s)
	for _, r := range [][2]string{{`\*\*`, `.*`}, {`\*`, `[^/]*`}, {`\?`, `[^/]`}} {
		expression = strings.ReplaceAll(expression, r[0], r[1])
	}
	if !strings.Contains(s, "/") && s != "." {
		expression = "(?:.*/)?" + expression
	}
	re, err := regexp.Compile("^" + expression + "$")
	*g = Glob{s, re}
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (g Glob) MarshalText() ([]byte, error) { return []byte(g.text), nil }

// String returns the pattern.
func (g Glob) String() string { return g.text }

// Match reports whether it matches the whole of a path.
func (g Glob) Match(path string) bool { return g.re != nil && g.re.MatchString(path) }

// Selects reports whether a dataset at or below the source is the job's: it, or one above it, matches a pattern of Include, or
// there is none, and neither matches one of Exclude.
func (j *Job) Selects(dataset string) bool {
	if dataset == j.Source.Dataset {
		return true
	}
	path, below := strings.CutPrefix(dataset, j.Source.Dataset+"/")
	if !j.Recursive || !below {
		return false
	}
	return (len(j.Include) == 0 || matchAbove(j.Include, path)) && !matchAbove(j.Exclude, path)
}

func matchAbove(patterns []Glob, path string) bool {
	for {
		for _, g := range patterns {
			if g.Match(path) {
				return true
			}
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return false
		}
		path = path[:i]
	}
}

// Template makes the names of snapshots: "auto_%Y-%m-%d_%H:%M:%S". Its verbs are those of strftime that yield what a name may
// have: %Y %m %d %j %H %M %S %s, %F for %Y-%m-%d, %T for %H:%M:%S, %3N and %6N for a part of the second, and %z for the offset.
type Template string

// verbs are the longest first where one begins another. A digit yields one.
var verbs = []struct {
	verb, layout string // of package time; "" is done by hand
	pattern      string
}{
	{"%Y", "2006", `\d{4}`}, {"%m", "01", `\d\d`}, {"%d", "02", `\d\d`}, {"%j", "002", `\d{3}`},
	{"%H", "15", `\d\d`}, {"%M", "04", `\d\d`}, {"%S", "05", `\d\d`},
	{"%F", "2006-01-02", `\d{4}-\d\d-\d\d`}, {"%T", "15:04:05", `\d\d:\d\d:\d\d`},
	{"%3N", "", `\d{3}`}, {"%6N", "", `\d{6}`}, {"%z", "", `(?:Z|[_-]\d{4})`}, {"%s", "", `\d+`},
}

// parts calls f with each part of the template: the index of a verb, or -1 and a text. It returns the offset of a verb that
// there isn't, -1 if all are known.
func (t Template) parts(f func(verb int, text string)) (unknown int) {
next:
	for at := 0; at < len(t); {
		rest := string(t[at:])
		if rest[0] != '%' {
			n := strings.IndexByte(rest, '%')
			if n < 0 {
				n = len(rest)
			}
			f(-1, rest[:n])
			at += n
			continue
		}
		for i, v := range verbs {
			if strings.HasPrefix(rest, v.verb) {
				f(i, "")
				at += len(v.verb)
				continue next
			}
		}
		return at
	}
	return -1
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Template) UnmarshalText(text []byte) error {
	s := Template(text)
	if at := s.parts(func(int, string) {}); at >= 0 {
		return fmt.Errorf("template %q: at character %d there is no verb: want %%Y %%m %%d %%j %%H %%M %%S %%F %%T %%3N %%6N %%z or %%s", s, at+1)
	}
	if _, err := zfssend.ParseName("pool@" + s.Name(time.Unix(0, 0))); err != nil {
		return fmt.Errorf("template %q makes no name of a snapshot: %w", s, err)
	}
	if s.step() > 24*time.Hour {
		return fmt.Errorf("template %q makes the same name again and again: want a time in it, such as %%Y-%%m-%%d_%%H:%%M:%%S", s)
	}
	*t = s
	return nil
}

// Name returns the name of a snapshot that is taken at a time, in whose zone it is written. %z is "Z" for UTC, and else the
// offset as in "_0200" or "-0330", since names can't have a "+".
func (t Template) Name(at time.Time) string {
	var b strings.Builder
	t.parts(func(verb int, text string) {
		b.WriteString(text)
		if verb < 0 {
			return
		}
		switch v := verbs[verb]; v.verb {
		case "%3N":
			fmt.Fprintf(&b, "%03d", at.Nanosecond()/1e6)
		case "%6N":
			fmt.Fprintf(&b, "%06d", at.Nanosecond()/1e3)
		case "%z":
			b.WriteString(strings.Replace(at.Format("Z0700"), "+", "_", 1))
		case "%s":
			b.WriteString(strconv.FormatInt(at.Unix(), 10))
		default:
			b.WriteString(at.Format(v.layout))
		}
	})
	return b.String()
}

// Match reports whether a name is one that the template makes, by its form.
func (t Template) Match(name string) bool {
	var b strings.Builder
	t.parts(func(verb int, text string) {
		b.WriteString(regexp.QuoteMeta(text))
		if verb >= 0 {
			b.WriteString(verbs[verb].pattern)
		}
	})
	re, err := regexp.Compile("^" + b.String() + "$")
	return err == nil && re.MatchString(name)
}

// step returns the shortest time after which the template's names differ.
func (t Template) step() time.Duration {
	for _, u := range []struct {
		verb string
		step time.Duration
	}{{"%s", time.Second}, {"%S", time.Second}, {"%T", time.Second}, {"%M", time.Minute}, {"%H", time.Hour},
		{"%d", 24 * time.Hour}, {"%F", 24 * time.Hour}, {"%j", 24 * time.Hour}} {
		if strings.Contains(string(t), u.verb) {
			return u.step
		}
	}
	return 365 * 24 * time.Hour
}

// Grid keeps snapshots more and more sparsely: "1x1h(keep=all) | 24x1h | 30x1d" keeps all of the last hour, one for each of the
// 24 hours before that, and one for each of the 30 days before those; "hourly=24 daily=30" one of each of the last 24 hours and
// of the last 30 days, by the calendar. Parts are divided by "|", commas or blanks.
type Grid string

var (
	gridPart = regexp.MustCompile(`^([0-9]+)x([0-9a-z]+)(?:\(keep=(all|[0-9]+)\))?$`)
	gridWord = regexp.MustCompile(`^(hourly|daily|weekly|monthly|yearly)=([0-9]+)$`)
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Grid) UnmarshalText(text []byte) error {
	parts := strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune("|, ", r) })
	if len(parts) == 0 {
		return fmt.Errorf("%q is no grid: want COUNTxLENGTH, such as 24x1h | 30x1d, or words, such as hourly=24 daily=30", text)
	}
	var err error
	if gridWord.MatchString(parts[0]) {
		err = checkWords(parts)
	} else {
		err = checkIntervals(parts)
	}
	*g = Grid(text)
	return err
}

func checkIntervals(parts []string) error {
	longest := Duration(0)
	for _, part := range parts {
		m := gridPart.FindStringSubmatch(part)
		if m == nil {
			return fmt.Errorf("%q in a grid: want COUNTxLENGTH, such as 24x1h or 1x1h(keep=all)", part)
		}
		count, err := strconv.Atoi(m[1])
		length, lengthErr := ParseDuration(m[2])
		if err != nil || count == 0 || count > 100000 || lengthErr != nil || length == 0 {
			return fmt.Errorf("%q in a grid: want COUNTxLENGTH, such as 24x1h or 1x1h(keep=all)", part)
		}
		if n, err := strconv.Atoi(m[3]); err == nil && n == 0 {
			return fmt.Errorf("%q in a grid keeps none: want keep=all, or how many", part)
		}
		if length < longest {
			return fmt.Errorf("%q in a grid is shorter than what comes before it: want intervals that get longer", part)
		}
		longest = length
	}
	return nil
}

func checkWords(parts []string) error {
	seen, sum := map[string]bool{}, 0
	for _, part := range parts {
		m := gridWord.FindStringSubmatch(part)
		if m == nil {
			return fmt.Errorf("%q in a grid: want hourly, daily, weekly, monthly and yearly, as in hourly=24, and no intervals with them", part)
		}
		n, err := strconv.Atoi(m[2])
		if err != nil || n > 1e6 || seen[m[1]] {
			return fmt.Errorf("%q in a grid: want each word once, and at most a million", part)
		}
		seen[m[1]], sum = true, sum+n
	}
	if sum == 0 {
		return fmt.Errorf("%q keeps none", strings.Join(parts, " "))
	}
	return nil
}

// Prunes reports whether a snapshot is one that these rules are about: its name, without the @, matches, or is one that the job's
// template makes. All others are never touched.
func (j *Job) Prunes(k *Keep, name string) bool {
	if k.Match.re != nil || j.Snapshot == nil {
		return k.Match.re != nil && k.Match.MatchString(name)
	}
	return j.Snapshot.Template.Match(name)
}
