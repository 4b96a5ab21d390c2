package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
)

var update = flag.Bool("update", false, "rewrite what is expected in testdata")

func parse(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	return config.Parse(filepath.Join(t.TempDir(), "zferry.yml"), []byte(text))
}

// TestExample: the example is right, also what is commented out, and says of defaults what they are.
func TestExample(t *testing.T) {
	c, err := parse(t, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Jobs) != 2 || c.Listen != config.DefaultListen || c.MaxJobs != config.DefaultMaxJobs || c.Jobs[0].Alert.Stuck != config.DefaultStuck {
		t.Errorf("%+v", c)
	}
	for _, field := range regexp.MustCompile(`\n#([a-z]+: .*)`).FindAllStringSubmatch(config.Example, -1) {
		if _, err := parse(t, field[1]+"\n"+config.Example); err != nil {
			t.Errorf("what is commented out is wrong: %v", err)
		}
	}
	j := c.Jobs[0]
	for dataset, want := range map[string]bool{"tank/home": true, "tank/home/joe": true, "tank/home/joe/cache": false, "tank/home/joe/tmp/x": false,
		"tank/home/tmp": true, "tank/homes": false} {
		if j.Selects(dataset) != want {
			t.Errorf("Selects(%s) is %v", dataset, !want)
		}
	}
	if at := c.Jobs[1].Slots(&c.Jobs[1].Snapshot.When).Next(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)); at.Format("15:04") < "02:30" || at.Format("15:04") >= "02:50" {
		t.Errorf("the nightly job runs at %v", at)
	}
}

// TestWrong has files with errors, and what is said of them, all at once.
func TestWrong(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			expect := ""
			for _, f := range archive.Files {
				if f.Name == "expect" {
					expect = string(f.Data)
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err = config.Load(filepath.Join(dir, "zferry.yml"))
			if err == nil {
				t.Fatal("there is no error")
			}
			got := strings.ReplaceAll(err.Error(), dir+"/", "") + "\n"
			if *update {
				for i := range archive.Files {
					if archive.Files[i].Name == "expect" {
						archive.Files[i].Data = []byte(got)
					}
				}
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != expect {
				t.Errorf("got:\n%swant:\n%s", got, expect)
			}
			for _, e := range config.Errors(err) {
				if e.File == "" || e.Err == nil {
					t.Errorf("%#v", e)
				}
			}
		})
	}
}

// TestMarshal: what is written is read again as the same.
func TestMarshal(t *testing.T) {
	c, err := parse(t, strings.Replace(config.Example, "#trace:", "trace:", 1))
	if err != nil {
		t.Fatal(err)
	}
	text, err := config.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse(t, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	second, err := config.Marshal(again)
	if err != nil || string(second) != string(text) {
		t.Errorf("it changes: %v\n%s\n%s", err, text, second)
	}
	for i := range c.Jobs {
		if c.Jobs[i].Revision() != again.Jobs[i].Revision() {
			t.Errorf("another revision:\n%s\n%s", c.Jobs[i].Revision(), again.Jobs[i].Revision())
		}
	}
	if c.Jobs[0].Revision() == c.Jobs[1].Revision() {
		t.Error("different jobs have the same revision")
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"10m": 10 * time.Minute, "1d": 24 * time.Hour, "2w": 14 * 24 * time.Hour,
		"1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour, "0s": 0, "250ms": 250 * time.Millisecond} {
		if d, err := config.ParseDuration(text); err != nil || time.Duration(d) != want || d.String() != text {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "1", "h", "-1h", "1.5h", "1q", "1h ", "99999999999999999999s", "16000w1d", "9999999w"} {
		if d, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := config.Duration(time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "ms")/1e6) * time.Millisecond)
		if again, err := config.ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%v: %v, %v", d, again, err)
		}
	})
}

func TestTemplate(t *testing.T) {
	at := time.Date(2026, 3, 9, 4, 5, 6, 123456789, time.UTC)
	for text, want := range map[string]string{
		"auto_%Y-%m-%d_%H:%M:%S": "auto_2026-03-09_04:05:06",
		"%s":                     "1773029106",
		"%Y%m%d-%j.-%H%M%z":      "20260309-068.-0405Z",
		"%F_%T.%3N-%6N":          "2026-03-09_04:05:06.123-123456",
		"daily":                  "", "%Y": "", "%d%": "", "%Q%d": "", "a b+%d": "", "a/%d": "", "%%d": "",
	} {
		var tpl config.Template
		err := tpl.UnmarshalText([]byte(text))
		if (want == "") != (err != nil) {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil {
			continue
		}
		if name := (&config.Snapshot{Template: tpl}).Names().Name(at); name != want {
			t.Errorf("%q: %q", text, name)
		}
	}
}

func TestGrid(t *testing.T) {
	for text, right := range map[string]bool{
		"1x1h(keep=all) | 24x1h | 30x1d": true, "24x1h 30x24h": true, "2x1h(keep=3)": true, "24x1h,30x1d": true, "hourly=24 daily=30": true, "yearly=1": true,
		"": false, "24": false, "0x1h": false, "1x1h(keep=0)": false, "1x1d|1x1h": false, "1x1h(keep=-1)": false,
		"hourly=24 24x1h": false, "24x1h hourly=24": false, "hourly=1 hourly=2": false, "daily=0": false, "hourly=": false,
	} {
		var g config.Grid
		if err := g.UnmarshalText([]byte(text)); right != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPrunes: what a template doesn't make, or "match" doesn't, is nobody's.
func TestPrunes(t *testing.T) {
	c, err := parse(t, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	j := &c.Jobs[0]
	for name, want := range map[string][2]bool{"auto_2026-03-09_04:05:06": {true, true}, "auto_x": {false, true}, "manual": {false, false}} {
		source, err := j.Policy(j.Prune.Source)
		target, targetErr := j.Policy(j.Prune.Target)
		if err != nil || targetErr != nil {
			t.Fatal(err, targetErr)
		}
		if got := [2]bool{source.Match(name), target.Match(name)}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if p, err := (&config.Job{}).Policy(&config.Keep{}); err != nil || p.Match("x") {
		t.Error("without a template and match, all are pruned")
	}
}

// FuzzParse wants no panic, and of what is right, that it can be written and read.
func FuzzParse(f *testing.F) {
	f.Add(config.Example)
	f.Add("jobs: [{name: a, source: b, snapshot: {template: '%s', every: 1h}}]")
	f.Add("jobs:\n- &x {name: *x}\nlog: [1]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") {
			return // it would read any file
		}
		c, err := config.Parse("zferry.yml", []byte(text))
		if err != nil {
			return
		}
		out, err := config.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := config.Parse("zferry.yml", out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for i := range c.Jobs {
			if c.Jobs[i].Revision() != again.Jobs[i].Revision() {
				t.Errorf("%s\n%s", c.Jobs[i].Revision(), again.Jobs[i].Revision())
			}
		}
	})
}

// TestConnection: how a host is reached is said for all, for a job or for a target, and each change is one of the job.
func TestConnection(t *testing.T) {
	const text = `
ssh_options: [-p, "22"]
tls: {cert: a, key: b, ca: c}
jobs:
  - name: x
    source: nas:tank/x
    agent: sudo zferry agent
    replicate:
      every: 1h
      targets:
        - to: backup/x
        - {to: "tls://far:7443/x", agent: own, ssh_options: [], tls: {cert: d, key: e, ca: f}}
`
	c, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	j := &c.Jobs[0]
	all := []config.Connection{j.Connection, j.Replicate.Targets[0].Connection, j.Replicate.Targets[1].Connection}
	for i, want := range []string{"[-p 22] sudo zferry agent a", "[-p 22] sudo zferry agent a", "[] own d"} {
		if got := fmt.Sprint(all[i].SSHOptions, " ", all[i].Agent, " ", all[i].TLS.Cert); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
	other, err := parse(t, strings.Replace(text, `"22"`, `"23"`, 1))
	if err != nil || other.Jobs[0].Revision() == j.Revision() {
		t.Errorf("a change of all is none of the job: %v", err)
	}
	if _, err := parse(t, strings.Replace(strings.Replace(text, "tls: {cert: a, key: b, ca: c}", "", 1), ", tls: {cert: d, key: e, ca: f}", "", 1)); err == nil ||
		!strings.Contains(err.Error(), "replicate.targets[1].to: tls://far:7443/x: tls:// needs") {
		t.Errorf("without certificates: %v", err)
	}
}
