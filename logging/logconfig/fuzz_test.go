package logconfig_test

import (
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/spanstack/spanstack/logging/logconfig"
)

// inside moves what an outlet would open into a directory.
func inside(dir string, i int, o *logconfig.Outlet) {
	path := filepath.Join(dir, strconv.Itoa(i))
	switch to := o.To.(type) {
	case logconfig.File:
		to.Path = path
		to.SIGHUP = false
		o.To = to
	case logconfig.Syslog:
		if to.CA != "" {
			to.CA = path
		}
		if to.Cert != "" {
			to.Cert, to.Key = path, path
		}
		o.To = to
	}
}

// openValid opens what is valid, if it is possible, and closes it.
func openValid(t *testing.T, c logconfig.Config) {
	if len(c.Outlets) > 20 {
		return
	}
	dir := t.TempDir()
	for i := range c.Outlets {
		inside(dir, i, &c.Outlets[i])
	}
	if c.Validate() != nil {
		return // two have the name of another's new path
	}
	l, err := logconfig.Open(c)
	if err != nil {
		return
	}
	if err := l.Close(); err != nil {
		t.Errorf("%+v: %v", c, err)
	}
}

func FuzzOutlet(f *testing.F) {
	for _, s := range []string{"stderr", "stdout,format=json", `file:/a\,b\\,max_size=100MB,keep=7,compress,mode=0640,every=24h`, "syslog:tls://a:1,facility=local3,ca=/x,id=a@1",
		`journald:/x,level=off\,zfs=debug,stack=full,collapse=1s,queue_size=1MiB`, "file:", ",", `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := logconfig.ParseOutlet(s)
		if err != nil {
			return
		}
		again, err := logconfig.ParseOutlet(o.String())
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Fatalf("%q is %+v, which is written\n%s and read\n%+v, %v", s, o, o, again, err)
		}
		c := logconfig.Config{Outlets: []logconfig.Outlet{o}}
		if err := c.Validate(); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		openValid(t, c)
	})
}

func FuzzYAML(f *testing.F) {
	f.Add("")
	f.Add("level: info,zfs=debug\nformat: json\nstack: full\ncollapse: 1s\nflush_timeout: 3s\noutlets:\n- type: stderr\n- {type: file, path: /x, mode: 0640, max_size: 10 MB, keep: 7, compress: true}\n")
	f.Add("outlets:\n  - type: syslog\n    address: tls://a\n    ca: /x\n    facility: local3\n  - type: journald\n    level: >-\n      off,\n      zfs=debug\n")
	f.Add("a: &a [*a]\n<<: *a\n? - b\n: !!str \"\\x\"\n")
	f.Fuzz(func(t *testing.T, s string) {
		var c logconfig.Config
		if load(t, &c, "log.yaml", s) != "" {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("%q is read, but %v", s, err)
		}
		text, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var again logconfig.Config
		if err := yaml.Unmarshal(text, &again); err != nil {
			t.Fatalf("%q is written\n%s: %v", s, text, err)
		}
		if second, err := yaml.Marshal(again); err != nil || string(second) != string(text) {
			t.Fatalf("%q is written\n%s and then\n%s, %v", s, text, second, err)
		}
		openValid(t, c)
	})
}
