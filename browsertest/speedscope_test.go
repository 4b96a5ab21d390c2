package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	release "github.com/spanstack/spanstack/viewer/speedscope"
)

// speedscopeHook catches what speedscope saves, instead of downloading it, and its errors.
const speedscopeHook = `<script>
var saved = "", trouble = "";
URL.createObjectURL = blob => { blob.text().then(text => { saved = text; }); return "about:blank"; };
HTMLAnchorElement.prototype.click = function () {};
window.alert = text => { trouble = trouble || text; };
console.error = (...args) => { trouble = trouble || args.map(String).join(" "); };
console.log = (...args) => { if (/^Failed/.test(args[0])) console.error(...args); };
window.addEventListener("unhandledrejection", e => { trouble = trouble || String(e.reason); });
function save() {
  if (!saved && !trouble) window.dispatchEvent(new KeyboardEvent("keydown", {key: "s", ctrlKey: true}));
  return saved || (trouble && "trouble: " + trouble);
}
</script>`

// speedscopeFile is what a file of speedscope's says, as far as it is compared.
type speedscopeFile struct {
	Shared   struct{ Frames []struct{ Name string } }
	Profiles []struct {
		Name, Unit           string
		StartValue, EndValue float64
		Events               []struct {
			Type  string
			Frame int
			At    float64
		}
	}
}

// slices returns the slices of all profiles, from the profile's start. speedscope drops those without a duration.
func (f *speedscopeFile) slices(t *testing.T) (list []string) {
	type open struct {
		frame int
		at    float64
	}
	for _, p := range f.Profiles {
		list = append(list, fmt.Sprintf("profile %s in %s, %v long", p.Name, p.Unit, p.EndValue-p.StartValue))
		var stack []open
		var own []string
		for _, e := range p.Events {
			at := e.At - p.StartValue
			if e.Type == "O" {
				stack = append(stack, open{e.Frame, at})
				continue
			}
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if top.frame != e.Frame {
				t.Fatalf("profile %s closes frame %d, open is %d", p.Name, e.Frame, top.frame)
			}
			if at > top.at {
				own = append(own, fmt.Sprintf("%s: %v to %v, depth %d", f.Shared.Frames[e.Frame].Name, top.at, at, len(stack)))
			}
		}
		slices.Sort(own)
		list = append(list, own...)
	}
	return list
}

// TestSpeedscope has speedscope import what we write, and compares what it saves with it.
func TestSpeedscope(t *testing.T) {
	program := build(t, t.TempDir(), "./cmd/trace-convert")
	s := startSpeedscope(t)
	for _, trace := range traces {
		t.Run(filepath.Base(trace), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "t.speedscope.json")
			convert(t, program, trace, "speedscope", file)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want, got speedscopeFile
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			saved, err := s.load(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(saved), &got); err != nil {
				t.Fatal(err)
			}
			g, w := got.slices(t), want.slices(t)
			if !slices.Equal(g, w) {
				t.Errorf("speedscope shows\n%s\nthe file has\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
			}
			if len(w) < 2 {
				t.Error("the file has no slices")
			}
		})
	}
	// A file whose frames don't nest is noticed: otherwise the above would prove nothing.
	bad := `{"$schema":"https://www.speedscope.app/file-format-schema.json","shared":{"frames":[{"name":"a"},{"name":"b"}]},"profiles":[{"type":"evented",` +
		`"name":"x","unit":"nanoseconds","startValue":0,"endValue":9,"events":[{"type":"O","frame":0,"at":0},{"type":"O","frame":1,"at":1},{"type":"C","frame":0,"at":2},{"type":"C","frame":1,"at":3}]}]}`
	if saved, err := s.load([]byte(bad)); err == nil || !strings.Contains(err.Error(), "leave frame") {
		t.Errorf("%v; for a file whose frames don't nest speedscope saves %q", err, saved)
	}
}

// speedscope is its page in a browser.
type speedscope struct {
	tab     context.Context
	url     string
	profile []byte
	loads   int
}

// load imports a file and returns what speedscope saves.
func (s *speedscope) load(data []byte) (string, error) {
	s.profile = data
	s.loads++
	url := fmt.Sprintf("%s/%d/index.html#profileURL=%s/t.speedscope.json", s.url, s.loads, s.url)
	if err := chromedp.Do(s.tab, chromedp.Navigate(url)); err != nil {
		return "", err
	}
	saved, err := chromedp.Run(s.tab, chromedp.Poll[string](`save()`, chromedp.WithPollingTimeout(60*time.Second)))
	if err == nil && strings.HasPrefix(saved, "trouble: ") {
		err = errors.New(saved)
	}
	return saved, err
}

func startSpeedscope(t *testing.T) *speedscope {
	t.Helper()
	page, err := fs.ReadFile(release.Files, "index.html")
	if err != nil {
		t.Fatal(err)
	}
	page = bytes.Replace(page, []byte("<body>"), []byte("<body>"+speedscopeHook), 1)

	s := &speedscope{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{load}/index.html", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.HandleFunc("GET /{load}/{file}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, release.Files, r.PathValue("file"))
	})
	mux.HandleFunc("GET /t.speedscope.json", func(w http.ResponseWriter, r *http.Request) { w.Write(s.profile) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL

	s.tab = startTab(t)
	return s
}
