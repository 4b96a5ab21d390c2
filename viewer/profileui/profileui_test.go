package profileui_test

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/viewer/profileui"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// selection returns a profile whose names are markup, and a file on this host.
func selection(name string) *profile.Profile {
	m := &profile.Mapping{ID: 1, File: "/proc/self/exe", HasFunctions: true}
	f := &profile.Function{ID: 1, Name: name}
	l := &profile.Location{ID: 1, Mapping: m, Line: []profile.Line{{Function: f}}}
	return &profile.Profile{SampleType: []*profile.ValueType{{Type: "self", Unit: "nanoseconds"}}, Mapping: []*profile.Mapping{m}, Function: []*profile.Function{f},
		Location: []*profile.Location{l}, Sample: []*profile.Sample{{Location: []*profile.Location{l}, Value: []int64{5}}}, DurationNanos: 5}
}

func TestPages(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	const name = `</script><script>alert(1)</script>`
	h, err := profileui.Handler(selection(name))
	if err != nil {
		t.Fatal(err)
	}
	other, err := profileui.Handler(selection("other"))
	if err != nil {
		t.Fatal(err)
	}
	for target, status := range map[string]int{"/": 301, "/flamegraph": 200, "/top": 200, "/peek": 200, "/download": 200, "/source": 404, "/disasm": 404,
		"/saveconfig?config=x": 404, "/deleteconfig?config=x": 404, "/nothing": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != status || strings.Contains(w.Body.String(), name) {
			t.Errorf("%s: %d %.200s", target, w.Code, w.Body)
		}
		csp := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'unsafe-inline'; ") || strings.Contains(csp, "http") || strings.Contains(csp, "connect-src") {
			t.Errorf("%s: the policy is %s", target, csp)
		}
		if to := w.Header().Get("Location"); status == 301 && to != "flamegraph" {
			t.Errorf("%s leads to %q, which isn't below where it is mounted", target, to)
		}
	}
	w := httptest.NewRecorder()
	other.ServeHTTP(w, httptest.NewRequest("GET", "/top", nil))
	if !strings.Contains(w.Body.String(), "other") {
		t.Errorf("the second profile isn't shown: %d %.200s", w.Code, w.Body)
	}
	if entries, _ := os.ReadDir(os.Getenv("HOME")); len(entries) > 0 {
		t.Errorf("files are left in the home directory: %v", entries)
	}
}
