package zfssuite

import (
	"bytes"
	"embed"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Transcripts are sessions of zfs commands with what they print and exit with, as recorded on real ZFS. A line of a
// session is one of
//
//	# comment
//	$ zfs create $R/a            a command; $R is the case's own filesystem
//	> text                       what it printed to stdout
//	! text                       and to stderr
//	= 1                          its exit status, unless 0
//
// Besides zfs there are: "write DATASET FILE SIZE" (SIZE bytes that depend on FILE and SIZE alone), "remove DATASET
// FILE", and "contents SNAPSHOT". A command's stdout can be kept by "> NAME" and given to another one by "< NAME",
// "< NAME[:N]" for the first N bytes, "< NAME[^N]" for all with byte N damaged. $(PROPERTY NAME) stands for a property's value.
//
//go:embed testdata/*.txt
var transcripts embed.FS

var update = flag.String("update-transcripts", "", "write what zfs did into the transcripts in this `directory`, rather than comparing")

// recorded is the version of ZFS whose sessions these are.
const recorded = "zfs-2.1."

// Transcripts replays the recorded sessions. Where ZFS is of another version, each command must succeed or fail as it
// did; other differences are logged.
func Transcripts(t *testing.T, p Platform) {
	files, err := transcripts.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(f.Name(), ".txt"), func(t *testing.T) {
			text, err := transcripts.ReadFile("testdata/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			s := newSession(t, p)
			got := s.replay(string(text))
			if *update != "" {
				if err := os.WriteFile(filepath.Join(*update, f.Name()), []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			same := strings.HasPrefix(run(t, p, nil, "version").stdout, recorded)
			compare(t, got, string(text), same)
		})
	}
}

// compare reports each command whose outcome isn't the recorded one.
func compare(t *testing.T, got, want string, sameVersion bool) {
	t.Helper()
	g, w := commands(got), commands(want)
	for i := range w {
		switch {
		case g[i] == w[i]:
		case sameVersion || unsuccessful(g[i]) != unsuccessful(w[i]):
			t.Errorf("got\n%swant\n%s", g[i], w[i])
		default:
			t.Logf("in this version\n%srecorded with %s\n%s", g[i], recorded, w[i])
		}
	}
}

// unsuccessful reports whether a command exited with another status than 0.
func unsuccessful(command string) bool {
	return strings.Contains(command, "\n= ")
}

// commands splits a transcript into commands with their outcomes.
func commands(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "$"):
			list = append(list, line)
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
		case len(list) > 0:
			list[len(list)-1] += line
		}
	}
	return list
}

// session replays a transcript.
type session struct {
	*env
	saved map[string][]byte
	names normaliser
	key   string // a file with the key of encrypted filesystems
}

func newSession(t *testing.T, p Platform) *session {
	e := newEnv(t, p)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	mount := strings.TrimSpace(e.zfs("get", "-H", "-o", "value", "mountpoint", e.root))
	return &session{env: e, saved: make(map[string][]byte), names: normaliser{root: e.root, key: key, mount: mount}, key: key}
}

// replay runs the commands of a transcript and returns it with what they did.
func (s *session) replay(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "$ "):
			b.WriteString(line)
			s.command(&b, strings.TrimSpace(line[2:]))
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
			b.WriteString(line)
		}
	}
	if s.Failed() {
		s.Log(b.String())
	}
	return b.String()
}

func (s *session) command(b *strings.Builder, line string) {
	args := s.words(line)
	var stdin io.Reader = bytes.NewReader(nil)
	save := ""
	for len(args) > 2 {
		name := args[len(args)-1]
		switch args[len(args)-2] {
		case "<":
			stdin = bytes.NewReader(s.input(name))
		case ">":
			save = name
		default:
			name = ""
		}
		if name == "" {
			break
		}
		args = args[:len(args)-2]
	}
	switch args[0] {
	case "zfs":
		out := run(s.T, s.p, stdin, args[1:]...)
		if save != "" {
			s.saved[save], out.stdout = []byte(out.stdout), ""
		}
		out = s.names.output(args, out)
		prefixed(b, "> ", out.stdout)
		prefixed(b, "! ", out.stderr)
		if out.exit != 0 {
			fmt.Fprintf(b, "= %d\n", out.exit)
		}
	case "write":
		size, err := strconv.Atoi(args[3])
		if err != nil {
			s.Fatal(err)
		}
		s.p.Write(s.T, args[1], args[2], noise(args[2], size))
	case "remove":
		s.p.Write(s.T, args[1], args[2], nil)
	case "contents":
		sums := s.p.Contents(s.T, args[1])
		for _, name := range slices.Sorted(maps.Keys(sums)) {
			sum := sums[name]
			fmt.Fprintf(b, "> %s %x\n", name, sum[:8])
		}
	default:
		s.Fatalf("%q: unknown command", line)
	}
}

func prefixed(b *strings.Builder, prefix, text string) {
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(prefix+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
}

// noise returns incompressible bytes that are always the same for a name and a size.
func noise(name string, size int) []byte {
	var seed [32]byte
	copy(seed[:], name)
	seed[31] = byte(size)
	data := make([]byte, size)
	rand.NewChaCha8(seed).Read(data)
	return data
}

// input returns a saved stream, or a part or damaged copy of it.
func (s *session) input(name string) []byte {
	name, how, _ := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	data := slices.Clone(s.saved[name])
	if how == "" {
		return data
	}
	n, err := strconv.Atoi(how[1:])
	if err != nil || n >= len(data) {
		s.Fatalf("%s[%s]: %v of %d bytes", name, how, err, len(data))
	}
	if how[0] == ':' {
		return data[:n]
	}
	data[n] ^= 0x10
	return data
}

// words splits a line at blanks outside of quotes and parentheses, and replaces variables.
func (s *session) words(line string) []string {
	var list []string
	for line != "" {
		var word string
		switch {
		case line[0] == ' ':
			line = line[1:]
			continue
		case line[0] == '\'':
			word, line, _ = strings.Cut(line[1:], "'")
		case strings.HasPrefix(line, "$("):
			var expr string
			expr, line, _ = strings.Cut(line[2:], ")")
			property, name, _ := strings.Cut(expr, " ")
			word = strings.TrimSpace(s.zfs("get", "-Hp", "-o", "value", property, strings.ReplaceAll(name, "$R", s.root)))
		default:
			word, line, _ = strings.Cut(line, " ")
		}
		list = append(list, strings.NewReplacer("$R", s.root, "$KEY", s.key).Replace(word))
	}
	return list
}
