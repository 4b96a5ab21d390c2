package viewer_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer"
)

// TestProfile: a selection becomes a profile, whose pages are below a number, as long as there aren't too many.
func TestProfile(t *testing.T) {
	var made []*profile.Profile
	show := func(p *profile.Profile) (http.Handler, error) {
		made = append(made, p)
		n := len(made)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "another")
			w.Write([]byte(r.URL.RequestURI() + strings.Repeat("!", n)))
		}), nil
	}
	v := viewer.New(viewer.Config{Profile: show}, viewer.File(write(t, "perfetto", fmttest.Sample())))
	t.Cleanup(v.Close)
	waitFor(t, v, func(s viewer.Status) bool { return s.State == viewer.StateLoaded })
	c := &client{t, v}
	step := trackNamed(c, "step")
	var first string
	for n := 1; n <= 10; n++ {
		w := c.ask("GET", "/pprof/"+query("from", 5300, "to", 5400, "track", step), "")
		to := w.Header().Get("Location")
		if w.Code != http.StatusFound || !regexp.MustCompile(`^\d+/$`).MatchString(to) {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		if n == 1 {
			first = to
		}
		page := c.ask("GET", "/pprof/"+to+"flamegraph?f=x", "")
		if page.Code != 200 || page.Body.String() != "/flamegraph?f=x"+strings.Repeat("!", n) || page.Header().Get("Content-Security-Policy") != "another" {
			t.Errorf("%d: %d %s %v", n, page.Code, page.Body, page.Header())
		}
	}
	if w := c.ask("GET", "/pprof/"+first, ""); w.Code != 404 {
		t.Errorf("the first profile is still there: %d", w.Code)
	}
	var names []string
	for _, s := range made[0].Sample {
		names = append(names, s.Location[0].Line[0].Function.Name)
	}
	if strings.Join(names, " ") != "step" {
		t.Errorf("the profile of a track has %q", names)
	}
	for target, want := range map[string]int{"/pprof/?from=x": 400, "/pprof/?by=path": 400, "/pprof/99/": 404, "/pprof/x": 404, "/pprof/10": 404, "/pprof/?track=99": 400} {
		if w := c.ask("GET", target, ""); w.Code != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	var about struct {
		Openers struct{ Pprof, Perfetto, Speedscope bool }
	}
	if c.get(&about, "trace"); !about.Openers.Pprof || !about.Openers.Perfetto || about.Openers.Speedscope {
		t.Errorf("%+v", about)
	}
}
