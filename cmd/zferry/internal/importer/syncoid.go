package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/internal/bytesize"
)

var syncoidWord = regexp.MustCompile(`(?m)(^|[\s/;&|(])syncoid\s`)

// valued are syncoid's options that have a value, which may be the next word.
var valued = []string{"compress", "source-bwlimit", "target-bwlimit", "mbuffer-size", "mbuffer-passthrough", "pv-options", "format", "exclude", "exclude-datasets", "include-snaps",
	"exclude-snaps", "sendoptions", "recvoptions", "sshconfig", "sshkey", "sshport", "sshcipher", "sshoption", "insecure-direct-connection", "identifier",
	"force-delete-timeout", "max-snaps", "delete-target-snapshots-older"}

// call is one of syncoid.
type call struct {
	line    int
	options []option
	args    []string
	cron    string // "" in a script
}

type option struct{ name, value string }

func (c *call) has(names ...string) bool {
	return slices.ContainsFunc(c.options, func(o option) bool { return slices.Contains(names, o.name) })
}

// syncoid reads a crontab or a script.
func (i *Importer) syncoid(data []byte) {
	lines(data, func(n int, line string) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") || !syncoidWord.MatchString(line) {
			return
		}
		words, err := shellWords(line)
		if err != nil {
			i.note(n, "not carried over: %v", err)
			return
		}
		for _, c := range calls(n, words) {
			i.call(c)
		}
	})
}

// calls returns those in a line.
func calls(line int, words []string) (list []*call) {
	cron := cronOf(words)
	for k := 0; k < len(words); k++ {
		if base := words[k][strings.LastIndexByte(words[k], '/')+1:]; base != "syncoid" {
			continue
		}
		c := &call{line: line, cron: cron}
		for k++; k < len(words) && !isOperator(words[k]); k++ {
			name, value, has := strings.Cut(strings.TrimLeft(words[k], "-"), "=")
			switch {
			case !strings.HasPrefix(words[k], "-"):
				c.args = append(c.args, words[k])
				continue
			case !has && slices.Contains(valued, name) && k+1 < len(words):
				k++
				value = words[k]
			}
			c.options = append(c.options, option{name, value})
		}
		list = append(list, c)
	}
	return list
}

// cronOf returns the time that a line of a crontab begins with.
func cronOf(words []string) string {
	var c config.Cron
	if len(words) > 5 && c.UnmarshalText([]byte(strings.Join(words[:5], " "))) == nil {
		return string(c)
	}
	if len(words) > 1 && strings.HasPrefix(words[0], "@") && c.UnmarshalText([]byte(words[0])) == nil {
		return string(c)
	}
	return ""
}

func isOperator(word string) bool {
	return slices.Contains([]string{";", "&&", "||", "|", "&", ">", ">>", "2>", "2>&1", "&>", "<", ")"}, word) || strings.HasPrefix(word, ">") || strings.HasPrefix(word, "2>")
}

func (i *Importer) call(c *call) {
	if len(c.args) != 2 || slices.ContainsFunc(c.args, func(a string) bool { return strings.ContainsAny(a, "$`*?") }) {
		i.note(c.line, "not carried over: want a source and a destination without variables, not %q", c.args)
		return
	}
	source, err := endpoint.Parse(c.args[0])
	target, targetErr := endpoint.Parse(c.args[1])
	if err != nil || targetErr != nil {
		i.note(c.line, "not carried over: syncoid %s %s: want datasets", c.args[0], c.args[1])
		return
	}
	j := config.Job{Name: source.Dataset, Source: source}
	t := config.Target{To: target}
	for _, o := range c.options {
		i.option(c, &j, &t, o)
	}
	j.Replicate = &config.Replicate{Targets: []config.Target{t}}
	when := config.When{Cron: config.Cron(c.cron)}
	if c.cron == "" {
		when = config.When{Every: config.Duration(time.Hour)}
		i.note(c.line, "%s: the line doesn't say when it runs: every hour", source)
	}
	if c.has("no-sync-snap") {
		j.Replicate.When = when
	} else {
		j.Snapshot = &config.Snapshot{When: when}
		i.set(c.line, &j.Snapshot.Template, "zferry_%Y-%m-%d_%H:%M:%S")
		i.note(c.line, "%s: each run takes a snapshot, as syncoid does, but the name isn't of syncoid's, and none is destroyed: add \"prune\"", source)
	}
	i.note(c.line, "%s: syncoid's snapshots @syncoid_… stay on both sides, and are bases like others: destroy them when zferry has replicated once", source)
	i.add(j)
}

// option carries over one of syncoid's.
func (i *Importer) option(c *call, j *config.Job, t *config.Target, o option) {
	switch o.name {
	case "r", "recursive":
		j.Recursive = true
	case "no-sync-snap", "quiet", "debug", "no-privilege-elevation", "no-command-checks", "monitor-version", "dumpsnaps", "no-elevate":
	case "create-bookmark", "use-hold":
		mark := &t.Cursor
		if o.name == "use-hold" {
			mark = &t.Hold
		}
		*mark = "zferry"
		if id := optionValue(c, "identifier"); id != "" {
			*mark = unfit.ReplaceAllString(id, "-")
		}
	case "identifier":
		i.note(c.line, "%s: --identifier names nothing here but bookmarks and holds", j.Source)
	case "preserve-properties":
		t.Properties = true
	case "no-stream":
		i.note(c.line, "%s: all snapshots are replicated, and not the newest alone as with --no-stream; \"newest: true\" is that for new destinations", j.Source)
		t.Newest = true
	case "source-bwlimit", "target-bwlimit":
		i.limit(c, t, o)
	case "force-delete":
		i.note(c.line, "%s: not carried over: --force-delete destroys a destination that has nothing in common; zferry never does", j.Source)
	case "no-rollback":
	case "include-snaps", "exclude-snaps":
		i.note(c.line, "%s: not carried over: --%s=%s is a regular expression: see include_snapshots and exclude_snapshots, which are patterns", j.Source, o.name, o.value)
	case "exclude", "exclude-datasets":
		i.note(c.line, "%s: not carried over: --%s=%s is a regular expression: see exclude, which has patterns of the paths below the source", j.Source, o.name, o.value)
	case "sendoptions":
		i.sendOptions(c, j, t, o.value)
	case "recvoptions":
		i.recvOptions(c, j, t, o.value)
	case "sshkey", "sshport", "sshcipher", "sshoption", "sshconfig":
		i.note(c.line, "%s: not carried over: --%s=%s: put it into ~/.ssh/config of the daemon's user", j.Source, o.name, o.value)
	case "compress", "mbuffer-size", "mbuffer-passthrough", "pv-options", "no-resume", "no-clone-handling", "keep-sync-snap":
		i.note(c.line, "%s: not needed: --%s %s", j.Source, o.name, o.value)
	default:
		i.note(c.line, "%s: not carried over: --%s %s", j.Source, o.name, o.value)
	}
}

func optionValue(c *call, name string) string {
	for _, o := range c.options {
		if o.name == name {
			return o.value
		}
	}
	return ""
}

// limit reads a rate as of mbuffer: 10M are mebibytes.
func (i *Importer) limit(c *call, t *config.Target, o option) {
	unit := strings.TrimLeft(o.value, "0123456789")
	number := strings.TrimSuffix(o.value, unit)
	if unit != "" {
		unit = strings.ToUpper(unit[:1]) + "iB"
	} else {
		unit = "B"
	}
	n, err := bytesize.Parse(number + unit)
	if err != nil || n == 0 {
		i.note(c.line, "not carried over: --%s=%s", o.name, o.value)
		return
	}
	t.Limit = config.Rate(n)
}

// sendOptions reads letters of zfs send: "w" or "-w -p".
func (i *Importer) sendOptions(c *call, j *config.Job, t *config.Target, value string) {
	for _, letter := range strings.ReplaceAll(value, " ", "") {
		switch letter {
		case '-', 'w', 'L', 'e', 'c': // which are zferry's defaults; raw of what is encrypted
		case 'p':
			t.Properties = true
		default:
			i.note(c.line, "%s: not carried over: zfs send -%c", j.Source, letter)
		}
	}
	if !strings.Contains(value, "w") {
		i.note(c.line, "%s: encrypted datasets are sent raw; \"allow_plaintext: true\" sends them as syncoid does without w", j.Source)
	}
}

// recvOptions reads options of zfs receive: "ux recordsize o compression=lz4".
func (i *Importer) recvOptions(c *call, j *config.Job, t *config.Target, value string) {
	words := strings.Fields(value)
	for k := 0; k < len(words); k++ {
		letters := strings.TrimLeft(words[k], "-")
		for n, letter := range letters {
			last := n == len(letters)-1
			switch {
			case letter == 'u' || letter == 's': // which are zferry's defaults
			case letter == 'o' && last && k+1 < len(words):
				k++
				var p config.Pair
				if i.set(c.line, &p, words[k]) {
					t.Set = append(t.Set, p)
				}
			case letter == 'x' && last && k+1 < len(words):
				k++
				t.Ignore = append(t.Ignore, words[k])
			case letter == 'F':
				t.Rollback = true
			default:
				i.note(c.line, "%s: not carried over: zfs receive -%c", j.Source, letter)
			}
		}
	}
}

// shellWords splits a line as a shell does, without expanding anything. Operators are words of their own.
func shellWords(line string) (words []string, err error) {
	var word strings.Builder
	in := false
	end := func() {
		if in {
			words = append(words, word.String())
		}
		word.Reset()
		in = false
	}
	for k := 0; k < len(line); k++ {
		switch c := line[k]; c {
		case ' ', '\t':
			end()
		case '\'', '"':
			close := strings.IndexByte(line[k+1:], c)
			if close < 0 {
				return nil, fmt.Errorf("a %c has no end", c)
			}
			word.WriteString(line[k+1 : k+1+close])
			in, k = true, k+1+close
		case '\\':
			if k++; k < len(line) {
				word.WriteByte(line[k])
				in = true
			}
		case ';', '|', '(', ')':
			end()
			words = append(words, string(c))
		case '&':
			if in && strings.HasSuffix(word.String(), ">") {
				word.WriteByte(c)
				continue
			}
			end()
			words = append(words, "&")
		case '#':
			if !in {
				return words, nil
			}
			word.WriteByte(c)
		default:
			word.WriteByte(c)
			in = true
		}
	}
	end()
	return words, nil
}
