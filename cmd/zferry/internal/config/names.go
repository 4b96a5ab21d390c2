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

// Template makes the names of snapshots: "auto-%Y-%m-%d_%H:%M:%S". The verbs are those of strftime that yield what a name may
// have: %Y %m %d %H %M %S %j %y %b %z %s %%.
type Template string

// verbs are what stands for them in a layout of package time; "" is done by hand.
var verbs = map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'j': "002", 'y': "06", 'b': "Jan", 'z': "", 's': "", '%': ""}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Template) UnmarshalText(text []byte) error {
	s := string(text)
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+1 == len(s) {
			return fmt.Errorf("template %q ends with %%: want a letter behind it", s)
		}
		i++
		if _, ok := verbs[s[i]]; !ok || s[i] == '%' {
			return fmt.Errorf("template %q: there is no verb %%%c: want one of %%Y %%m %%d %%H %%M %%S %%j %%y %%b %%z %%s", s, s[i])
		}
	}
	if _, err := zfssend.ParseName("pool@" + Template(s).Name(time.Unix(0, 0))); err != nil {
		return fmt.Errorf("template %q makes no name of a snapshot: %w", s, err)
	}
	if !strings.Contains(s, "%S") && !strings.Contains(s, "%M") && !strings.Contains(s, "%s") && !strings.Contains(s, "%H") && !strings.Contains(s, "%d") && !strings.Contains(s, "%j") {
		return fmt.Errorf("template %q makes the same name again and again: want a time in it, such as %%Y-%%m-%%d_%%H:%%M:%%S", s)
	}
	*t = Template(s)
	return nil
}

// Name returns the name of a snapshot that is taken at a time, in whose zone it is written. %z is "Z" for UTC, and else the
// offset with "p" or "-", since names can't have a "+".
func (t Template) Name(at time.Time) string {
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '%' || i+1 == len(t) {
			b.WriteByte(t[i])
			continue
		}
		i++
		switch layout := verbs[t[i]]; {
		case layout != "":
			b.WriteString(at.Format(layout))
		case t[i] == 's':
			b.WriteString(strconv.FormatInt(at.Unix(), 10))
		case t[i] == 'z':
			b.WriteString(strings.Replace(at.Format("Z0700"), "+", "p", 1))
		}
	}
	return b.String()
}

// step returns the shortest time after which the template's names differ.
func (t Template) step() time.Duration {
	for _, u := range []struct {
		verb string
		step time.Duration
	}{{"%s", time.Second}, {"%S", time.Second}, {"%M", time.Minute}, {"%H", time.Hour}} {
		if strings.Contains(string(t), u.verb) {
			return u.step
		}
	}
	return 24 * time.Hour
}

// Grid keeps snapshots more and more sparsely: "1x1h(keep=all) | 24x1h | 30x1d" keeps all of the last hour, one for each of the
// 24 hours before that, and one for each of the 30 days before those. Intervals are divided by "|" or blanks.
type Grid []Interval

// Interval is a part of a grid.
type Interval struct {
	Count  int
	Length Duration
	Keep   int // in each; 0 is all
}

var gridPart = regexp.MustCompile(`^([0-9]+)x([0-9a-z]+)(?:\(keep=(all|[0-9]+)\))?$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Grid) UnmarshalText(text []byte) error {
	*g = nil
	for _, part := range strings.FieldsFunc(string(text), func(r rune) bool { return r == '|' || r == ' ' }) {
		m := gridPart.FindStringSubmatch(part)
		if m == nil {
			return fmt.Errorf("%q in a grid: want COUNTxLENGTH, such as 24x1h or 1x1h(keep=all)", part)
		}
		count, err := strconv.Atoi(m[1])
		length, lengthErr := ParseDuration(m[2])
		if err != nil || count == 0 || count > 100000 || lengthErr != nil || length == 0 {
			return fmt.Errorf("%q in a grid: want COUNTxLENGTH, such as 24x1h or 1x1h(keep=all)", part)
		}
		keep := 1
		if m[3] != "" {
			keep, _ = strconv.Atoi(m[3]) // of "all" it is 0
			if m[3] != "all" && keep == 0 {
				return fmt.Errorf("%q in a grid keeps none: want keep=all, or how many", part)
			}
		}
		if n := len(*g); n > 0 && length < (*g)[n-1].Length {
			return fmt.Errorf("%q in a grid is shorter than what comes before it: want intervals that get longer", part)
		}
		*g = append(*g, Interval{count, length, keep})
	}
	if len(*g) == 0 {
		return fmt.Errorf("%q is no grid: want COUNTxLENGTH, such as 24x1h, as often as needed", text)
	}
	return nil
}

// String returns the text form.
func (g Grid) String() string {
	parts := make([]string, len(g))
	for i, v := range g {
		parts[i] = fmt.Sprintf("%dx%v", v.Count, v.Length)
		switch {
		case v.Keep == 0:
			parts[i] += "(keep=all)"
		case v.Keep > 1:
			parts[i] += fmt.Sprintf("(keep=%d)", v.Keep)
		}
	}
	return strings.Join(parts, " | ")
}

// MarshalText implements encoding.TextMarshaler.
func (g Grid) MarshalText() ([]byte, error) { return []byte(g.String()), nil }
