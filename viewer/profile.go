package viewer

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/pprof"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/viewer/internal/index"
)

// maxProfiles is how many profiles are held for their pages. The oldest go first.
const maxProfiles = 8

// profiles are those whose pages are open. Each has a number in its path, so that pprof's own links stay with it.
type profiles struct {
	mu   sync.Mutex
	last int
	list []numberedProfile
}

type numberedProfile struct {
	number  int
	handler http.Handler
}

func (p *profiles) add(h http.Handler) (number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	if len(p.list) == maxProfiles {
		p.list = slices.Delete(p.list, 0, 1)
	}
	p.list = append(p.list, numberedProfile{p.last, h})
	return p.last
}

func (p *profiles) find(number string) http.Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, each := range p.list {
		if strconv.Itoa(each.number) == number {
			return each.handler
		}
	}
	return nil
}

// serveProfile serves what is below pprof/: at pprof/ itself, a profile is made of what is selected, and its pages are below
// a number.
func (v *Viewer) serveProfile(w http.ResponseWriter, r *http.Request) error {
	if v.config.Profile == nil {
		return notFound("this program can't show profiles")
	}
	number, _, below := strings.Cut(strings.TrimPrefix(r.URL.Path, "/pprof/"), "/")
	if number == "" {
		return v.newProfile(w, r)
	}
	h := v.profiles.find(number)
	if h == nil || !below {
		return notFound("this profile is no longer there: open it again")
	}
	http.StripPrefix("/pprof/"+number, h).ServeHTTP(w, r)
	return nil
}

var profileEndpoint = endpoint{method: http.MethodGet, params: append([]string{"slice"}, window...)}

// newProfile makes the profile of a selection, and leads to it.
func (v *Viewer) newProfile(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return notAllowed(http.MethodGet)
	}
	req, err := v.request(r, profileEndpoint)
	if err != nil {
		return err
	}
	sel, err := req.selection()
	if err != nil {
		return err
	}
	release, err := v.slots["aggregate"].take(r.Context())
	if err != nil {
		return err
	}
	defer release()
	if err := sel.narrow(r.Context(), req.snap); err != nil {
		return err
	}
	sum, err := sumUp(r.Context(), req.snap, sel)
	if err != nil {
		return err
	}
	p, _ := pprof.Profile(sum)
	h, err := v.config.Profile(p)
	if err != nil {
		return err
	}
	w.Header().Set("Location", strconv.Itoa(v.profiles.add(h))+"/")
	w.WriteHeader(http.StatusFound)
	return nil
}

// sumUp adds up what is in the window and on the tracks of a selection.
func sumUp(ctx context.Context, s *index.Snapshot, sel selection) (*summary.Summary, error) {
	var sum summary.Summary
	r := &interruptible{Reader: s.Reader(sel.window, sel.tracks), ctx: ctx}
	if _, err := tracefmt.Copy(adder{&sum}, r); err != nil {
		return nil, fmt.Errorf("sum up the trace: %w", err)
	}
	sum.Finish()
	return &sum, nil
}

// adder is a summary as a writer.
type adder struct{ *summary.Summary }

func (a adder) Write(e *tracefmt.Event) error {
	a.Add(e)
	return nil
}
func (adder) Flush() error { return nil }
func (adder) Close() error { return nil }
