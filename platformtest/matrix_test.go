package platformtest

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// platformsVariable names the file that TestPlatforms writes: docs/platforms.md.
const platformsVariable = "SPANSTACK_PLATFORMS"

// How many streams TestPlatforms closes at random moments: most where SIGKILL doesn't end a zfs send, on the line that CI uses.
const (
	mostCloses  = "1000"
	otherCloses = "200"
)

// platform is one column of the table.
type platform struct {
	Line, Variant string
	Kernel, ZFS   string
	Took          time.Duration
	Closes        string // how long random closes took

	results  []result
	verdicts map[string]string
}

// TestPlatforms runs the suite on all lines of ZFS and both of their modules, and writes what became of each case. It takes the
// better part of an hour, and longer where the machines have to be built.
func TestPlatforms(t *testing.T) {
	file := os.Getenv(platformsVariable)
	if file == "" {
		t.Skipf("%s isn't set: all platforms take an hour; TestStock and TestTaskQ run two of them", platformsVariable)
	}
	var platforms []*platform
	t.Run("on", func(t *testing.T) {
		for _, line := range machine.Lines() {
			img := image(t, line)
			for _, variant := range machine.Variants() {
				p := &platform{Line: line, Variant: string(variant), Kernel: img.Kernel, ZFS: img.ZFS}
				platforms = append(platforms, p)
				t.Run(line+" "+string(variant), func(t *testing.T) {
					t.Parallel() // as many as go test's -parallel says: each keeps more than one processor busy at times
					p.run(t, img, variant)
					report(t, p.results)
				})
			}
		}
	})
	if i := slices.IndexFunc(platforms, func(p *platform) bool { return len(p.results) == 0 }); i >= 0 {
		t.Fatalf("nothing is known of ZFS %s %s, so %s is left as it was", platforms[i].Line, platforms[i].Variant, file)
	}
	text, err := platformsText(platforms)
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// run runs the suite on a platform.
func (p *platform) run(t *testing.T, img *machine.Image, variant machine.Variant) {
	dir := buildSuite(t)
	buildStatic(t, "build", "-o", filepath.Join(dir, "zferry"), "../cmd/zferry")
	start := time.Now()
	var exitCode int
	closes := otherCloses
	if img.Line == machine.DefaultLine && variant == machine.TaskQ {
		closes = mostCloses
	}
	p.results, exitCode = runSuiteClosing(t, img, variant, dir, closes)
	p.Took = time.Since(start).Round(time.Second)
	if exitCode != 0 && !slices.ContainsFunc(p.results, func(r result) bool { return r.verdict != "PASS" }) {
		t.Errorf("no test failed, but the suite exited with %d", exitCode)
	}
}

// judge finds what became of each case, and returns those that aren't known yet, in the order in which they ran.
func (p *platform) judge(known map[string]bool) (cases []string) {
	p.verdicts = make(map[string]string)
	for _, r := range p.results {
		if m := closesLine.FindStringSubmatch(r.log); m != nil {
			p.Closes = m[1]
		}
		for _, c := range r.cases() {
			if !known[c.name] {
				known[c.name] = true
				cases = append(cases, c.name)
			}
			p.verdicts[c.name] = c.verdict
		}
	}
	return cases
}

// closesLine is TestRandomCloses's summary.
var closesLine = regexp.MustCompile(`: all +(\d+ closes: .*)`)

// cases returns the test and its direct subtests.
func (r result) cases() []result {
	list := []result{{name: r.name, verdict: r.verdict}}
	for line := range strings.Lines(r.log) {
		if m := subtestLine.FindStringSubmatch(line); m != nil && strings.Count(m[2], "/") == 1 {
			list = append(list, result{name: m[2], verdict: m[1]})
		}
	}
	return list
}

// subtestLine isn't indented in the output that test2json reads.
var subtestLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+)`)

// platformsText renders docs/platforms.md.
func platformsText(platforms []*platform) ([]byte, error) {
	var cases []string
	known := make(map[string]bool)
	for _, p := range platforms {
		cases = append(cases, p.judge(known)...)
	}
	place := make(map[string]int) // of each test; a case that only some platforms have stands below its test, too
	for i, c := range slices.Backward(cases) {
		place[testOf(c)] = i
	}
	slices.SortStableFunc(cases, func(a, b string) int { return cmp.Compare(place[testOf(a)], place[testOf(b)]) })
	var rows strings.Builder
	for _, c := range cases {
		name := c
		if test, sub, ok := strings.Cut(c, "/"); ok && test != "" {
			name = "&nbsp;&nbsp;" + strings.ReplaceAll(sub, "_", " ")
		}
		fmt.Fprintf(&rows, "| %s |", name)
		for _, p := range platforms {
			fmt.Fprintf(&rows, " %s |", mark(p.verdicts[c]))
		}
		rows.WriteString("\n")
	}
	var text bytes.Buffer
	err := platformsTemplate.Execute(&text, map[string]any{
		"Date": time.Now().UTC().Format(time.DateOnly), "Platforms": platforms, "Rows": rows.String(), "Cases": len(cases),
	})
	return text.Bytes(), err
}

// testOf returns the test that a case belongs to.
func testOf(name string) string {
	test, _, _ := strings.Cut(name, "/")
	return test
}

func mark(verdict string) string {
	switch verdict {
	case "PASS":
		return "ok"
	case "FAIL":
		return "**failed**"
	case "SKIP":
		return "skipped"
	default:
		return "didn't run"
	}
}

var platformsTemplate = template.Must(template.New("").Parse(`# Platforms

What package platformtest/suite found, on {{.Date}}. ` + "`make platformtest-all`" + ` runs it again and rewrites this page; CI runs,
on 2.1 taskq, all but TestZFS and TestTranscripts, and on 2.1 stock what is about streams and their end. All are virtual machines under QEMU's emulation, with 2 processors, made by ` + "`platformtest/vm`" + ` from
Debian's packages.

"stock" is the module as Debian's source builds it; "taskq" is built without HAVE_LARGE_STACKS, as on kernels with small stacks,
so that zfs send writes through a task queue and SIGKILL doesn't end it while its pipe is full ([openzfs#12500](openzfs-12500.md)).

| | ZFS | Linux | the suite took | closed at random moments |
| --- | --- | --- | ---: | --- |
{{range .Platforms}}| {{.Line}} {{.Variant}} | {{.ZFS}} | {{.Kernel}} | {{.Took}} | {{.Closes}} |
{{end}}
A close is timed from the request to the reaping of zfs.

FreeBSD: all of it compiles and passes go vet for FreeBSD, and the suite's test binary is built for it in CI
(` + "`make lint`" + `). It has not run there. Checks that read /proc, and splice(2), are Linux's alone.

ZFS 2.2 is not in Debian's archive, so nothing here has run on it.

## {{.Cases}} cases

| case |{{range .Platforms}} {{.Line}} {{.Variant}} |{{end}}
| --- |{{range .Platforms}} --- |{{end}}
{{.Rows}}`))
