package capture

import (
	"cmp"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
)

// parseQuery reads parameters, all of which must be known, and there once.
func parseQuery(raw string, known []string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("the parameters can't be read: %v", err)
	}
	for key, values := range query {
		switch {
		case !slices.Contains(known, key) && len(known) == 0:
			return nil, badRequest("unknown parameter %.100q: this page has none", key)
		case !slices.Contains(known, key):
			return nil, badRequest("unknown parameter %.100q: want %s", key, strings.Join(known, " or "))
		case len(values) > 1:
			return nil, badRequest("the parameter %s is there %d times", key, len(values))
		}
	}
	return query, nil
}

// seconds returns how long a capture is to take.
func (r *request) seconds(usual, longest time.Duration) (time.Duration, error) {
	if !r.query.Has("seconds") {
		return min(usual, longest), nil
	}
	text := r.query.Get("seconds")
	if text == "" || strings.Trim(text, "0123456789.") != "" { // no sign, exponent, NaN or Inf
		return 0, badRequest("seconds=%.100q: want a number of seconds, such as 5 or 0.5", text)
	}
	n, err := strconv.ParseFloat(text, 64)
	switch {
	case n > longest.Seconds():
		return 0, badRequest("seconds=%.100s: want %v at most", text, longest.Seconds())
	case err != nil:
		return 0, badRequest("seconds=%.100q: want a number of seconds, such as 5 or 0.5", text)
	case n < 1e-3:
		return 0, badRequest("seconds=%.100s: want 0.001 at least", text)
	}
	return time.Duration(n * float64(time.Second)), nil
}

// last returns how far back to look.
func (r *request) last() (time.Duration, error) {
	if !r.query.Has("last") {
		return math.MaxInt64, nil
	}
	text := r.query.Get("last")
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, badRequest("last=%.100q: want a time with its unit, such as 30s or 5m", text)
	}
	return d, nil
}

// debug reports whether the answer is to be text for eyes.
func (r *request) debug() (bool, error) {
	switch text := r.query.Get("debug"); text {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, badRequest("debug=%.100q: want 0 or 1", text)
	}
}

// format returns the format that a client wants, by ?format= or by its Accept header, of those that can be written; live
// says that it must be possible while the trace goes on.
func (r *request) format(live bool) (*tracefmt.Format, error) {
	var all []*tracefmt.Format // the usual one first
	for _, f := range tracefmt.Formats() {
		if f.NewWriter != nil && (!live || f.Mode == tracefmt.Streaming) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b *tracefmt.Format) int {
		return -cmp.Compare(b2i(a.Name == "chrome"), b2i(b.Name == "chrome"))
	})
	var names, types []string
	for _, f := range all {
		names, types = append(names, f.Name), append(types, f.MIMEType)
	}
	if r.query.Has("format") {
		name := r.query.Get("format")
		if i := slices.Index(names, name); i >= 0 {
			return all[i], nil
		}
		if f := tracefmt.Lookup(name); live && f != nil && f.NewWriter != nil {
			return nil, badRequest("the format %s can't be streamed, since it needs the whole trace: want %s", name,
				strings.Join(names, ", "))
		}
		return nil, badRequest("unknown format %.100q: want %s", name, strings.Join(names, ", "))
	}
	i := accepted(r.Header, types)
	if i < 0 {
		return nil, refusal{status: http.StatusNotAcceptable, reason: "no format is of an accepted type: there are " +
			strings.Join(names, ", ") + " for ?format="}
	}
	return all[i], nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wantsJSON reports whether a client wants JSON instead of text.
func (r *request) wantsJSON() (bool, error) {
	switch name := r.query.Get("format"); name {
	case "json":
		return true, nil
	case "text":
		return false, nil
	case "":
		if !r.query.Has("format") {
			return accepted(r.Header, []string{"text/plain", "application/json"}) == 1, nil
		}
		fallthrough
	default:
		return false, badRequest("unknown format %.100q: want text or json", name)
	}
}

// accepted returns which of some media types, the first of which is the usual one, a client accepts most, -1 for none:
// RFC 9110 section 12.5.1. Of those that it likes as much, one that it names wins.
func accepted(h http.Header, types []string) int {
	ranges := qualities(strings.Join(h.Values("Accept"), ","))
	if len(ranges) == 0 {
		return 0
	}
	best, most, bestRank := -1, 0.0, 0
	for i, t := range types {
		t, _, _ = mime.ParseMediaType(t)
		family, _, _ := strings.Cut(t, "/")
		for rank, pattern := range []string{t, family + "/*", "*/*"} {
			q, ok := ranges[pattern]
			if !ok {
				continue
			}
			if q > most || q == most && q > 0 && rank < bestRank {
				best, most, bestRank = i, q, rank
			}
			break // the most specific one counts
		}
	}
	return best
}

// qualities reads a header that lists what a client takes, with its q parameters. What can't be read is left out.
func qualities(list string) map[string]float64 {
	all := map[string]float64{}
	for item := range strings.SplitSeq(list, ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil || name == "" {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		all[name] = max(all[name], q)
	}
	return all
}

// acceptsGzip reports whether an answer may be packed: RFC 9110 section 12.5.3.
func acceptsGzip(h http.Header) bool {
	ranges := qualities(strings.Join(h.Values("Accept-Encoding"), ","))
	q, ok := ranges["gzip"]
	if !ok {
		q = ranges["*"]
	}
	return q > 0
}
