package metrics_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
)

const packaging = "../../../../packaging/"

// TestRules reads the alerts strictly, and wants each metric in them to exist. Where promtool is installed, it has a look, too.
func TestRules(t *testing.T) {
	path := packaging + "prometheus/zferry.rules.yml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.NewCollector(view))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, f := range families {
		known = append(known, f.GetName())
	}
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) < 5 {
		t.Fatalf("%+v", file)
	}
	for _, r := range file.Groups[0].Rules {
		if r.Alert == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || strings.Count(r.Expr, "(") != strings.Count(r.Expr, ")") {
			t.Errorf("%+v", r)
		}
		names := regexp.MustCompile(`\bzferry_\w+`).FindAllString(r.Expr, -1)
		if len(names) == 0 {
			t.Errorf("%s is about no metric of ours", r.Alert)
		}
		for _, name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no metric %s", r.Alert, name)
			}
		}
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		if out, err := exec.Command(promtool, "check", "rules", path).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	} else {
		t.Log("promtool isn't installed: expressions were not parsed")
	}
}

// TestUnit has systemd read the unit, with a program that is there.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("SPANSTACK_REQUIRE_DAEMONS") != "" {
			t.Fatal(err)
		}
		t.Skip("systemd-analyze isn't installed")
	}
	text, err := os.ReadFile(packaging + "systemd/zferry.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := strings.ReplaceAll(string(text), "/usr/bin/zferry", "/bin/true")
	var version int
	out, err := exec.Command(analyze, "--version").Output()
	if _, scanErr := fmt.Sscanf(string(out), "systemd %d", &version); err != nil || scanErr != nil {
		t.Fatalf("%s: %v, %v", out, err, scanErr)
	}
	if version < 253 { // as the unit says
		unit = strings.Replace(unit, "Type=notify-reload", "Type=notify", 1)
	}
	path := filepath.Join(t.TempDir(), "zferry.service")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", path)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "zferry.service:") {
		t.Errorf("%v: %s", err, out)
	}
}
