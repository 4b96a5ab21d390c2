package trigger

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/trace"
)

// on returns a trigger that fires at events of that name.
func on(name string) Trigger {
	return When(name, func(r *trace.Record) bool { return r.Name == name })
}

// fired tells at which times a trigger fires, given events as "a1 b2", each a name and a time, in batches that are
// divided by "|".
func fired(t Trigger, events string) string {
	detect := t.detector()
	var out []string
	for part := range strings.SplitSeq(events, "|") {
		var b batch
		for _, e := range strings.Fields(part) {
			var at int64
			fmt.Sscan(e[1:], &at)
			b.records = append(b.records, trace.Record{Kind: trace.KindEvent, Name: e[:1], Start: at, End: at})
		}
		for _, c := range detect(&b) {
			out = append(out, fmt.Sprint(c.Trigger, "@", c.Time))
		}
	}
	return strings.Join(out, " ")
}

func TestCombinators(t *testing.T) {
	a, b, c := on("a"), on("b"), on("c")
	for _, test := range []struct {
		name    string
		trigger Trigger
		events  string
		want    string
	}{
		{"any of none", AnyOf(), "a1 b2", ""},
		{"any", AnyOf(a, b), "b1 a2 c3 | a4", "b@1 a@2 a@4"},
		{"any, out of order", AnyOf(a, b), "b2 a1", "a@1 b@2"},
		{"all of none", AllOf(10), "a1", ""},
		{"all", AllOf(10, a, b), "a1 b5", "a+b@5"},
		{"all, the other way round", AllOf(10, a, b), "b1 | a11", "a+b@11"},
		{"all, too late", AllOf(10, a, b), "a1 b12", ""},
		{"all, the latest counts", AllOf(10, a, b), "a1 a5 b12", "a+b@12"},
		{"all, anew", AllOf(10, a, b), "a1 b2 b3 b4 | a5 b6", "a+b@2 a+b@5"},
		{"all, late news", AllOf(10, a, b), "a20 | a1 | b22", "a+b@22"},
		{"all three", AllOf(10, a, b, c), "a1 b2 c3", "a+b+c@3"},
		{"first of nth", Nth(3, a), "a1 a2", ""},
		{"nth", Nth(3, a), "a1 a2 b3 a4 | a5 a6 a7", "a@4 a@7"},
		{"nth of zero", Nth(0, a), "a1 a2", "a@1 a@2"},
		{"every", Every(10, a), "a1 a5 a10 a11 | a12 a30", "a@1 a@11 a@30"},
		{"every, for ever", Every(time.Duration(1<<63-1), a), "a1 a5 a99", "a@1"},
		{"every, late news", Every(10, a), "a20 | a5 a31", "a@20 a@31"},
		{"nested", Every(10, AllOf(5, AnyOf(a, c), Nth(2, b))), "c1 b1 b2 a3 b4 b5 a20 b20 b21", "c+b@2 a+b@21"},
	} {
		if got := fired(test.trigger, test.events); got != test.want {
			t.Errorf("%s: fired %q, want %q", test.name, got, test.want)
		}
	}
}

// TestEachWatcherCountsAlone starts one trigger twice.
func TestEachWatcherCountsAlone(t *testing.T) {
	two := Nth(2, on("a"))
	if first, second := fired(two, "a1"), fired(two, "a2"); first != "" || second != "" {
		t.Errorf("fired %q and %q", first, second)
	}
}

func TestMergedCause(t *testing.T) {
	got := merge([]Cause{{"slow", "x", 7, 1, ""}, {"failed", "y", 8, 3, ""}, {"log", "z", 9, 2, ""}})
	if want := (Cause{"slow+failed+log", "slow: x; failed: y; log: z", 8, 3, ""}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// someEvents draws events of three names in the order of time, in batches.
func someEvents(t *rapid.T) string {
	var out strings.Builder
	at := 0
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		at += rapid.IntRange(0, 8).Draw(t, "gap")
		fmt.Fprintf(&out, "%s%d ", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), at)
		if rapid.Bool().Draw(t, "cut") {
			out.WriteString("| ")
		}
	}
	return out.String()
}

// TestLaws checks what must hold for whatever happens.
func TestLaws(t *testing.T) {
	a, b, c := on("a"), on("b"), on("c")
	rapid.Check(t, func(t *rapid.T) {
		events := someEvents(t)
		n, m := rapid.IntRange(1, 4).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "m")
		d := time.Duration(rapid.IntRange(0, 30).Draw(t, "d"))
		some := []Trigger{a, Nth(n, a), Every(d, a), AllOf(d, a, b), AnyOf(a, c)}
		x := some[rapid.IntRange(0, len(some)-1).Draw(t, "x")]
		same := func(law string, left, right Trigger) {
			if l, r := fired(left, events), fired(right, events); l != r {
				t.Errorf("%s: %q and %q", law, l, r)
			}
		}
		same("any of one is that one", AnyOf(x), x)
		same("all of one is that one", AllOf(d, x), x)
		same("the zero trigger adds nothing", AnyOf(x, Trigger{}), x)
		same("with one that never fires, all never do", AllOf(d, x, Trigger{}), Trigger{})
		same("any is associative", AnyOf(x, AnyOf(b, c)), AnyOf(AnyOf(x, b), c))
		same("every first is each", Nth(1, x), x)
		same("nth of nth", Nth(n, Nth(m, x)), Nth(n*m, x))
		same("at most one in no time is each", Every(0, x), x)
		same("every of every is every", Every(d, Every(d, x)), Every(d, x))
		if got := fired(AnyOf(a, b, c), events); len(strings.Fields(got)) != len(strings.Fields(strings.ReplaceAll(events, "|", ""))) {
			t.Errorf("any of all events: %q", got)
		}
		gaps(t, fired(Every(d, x), events), int64(d))
		checkAll(t, fired(AllOf(d, a, b), events), events, int64(d))
	})
}

// gaps wants at least that time between two firings.
func gaps(t *rapid.T, fired string, atLeast int64) {
	last := int64(-1 << 40)
	for _, f := range strings.Fields(fired) {
		_, after, _ := strings.Cut(f, "@")
		var at int64
		fmt.Sscan(after, &at)
		if at-last < atLeast {
			t.Errorf("%d after %d: want %d between them", at, last, atLeast)
		}
		last = at
	}
}

// checkAll compares the firings of AllOf(within, a, b) with those of a plain reading of its documentation.
func checkAll(t *rapid.T, got, events string, within int64) {
	const never = -1
	latest := map[string]int64{"a": never, "b": never}
	var want []string
	for part := range strings.SplitSeq(events, "|") {
		var as, bs []string // at the same time, in one batch, those of the first trigger come first
		flush := func() {
			for _, e := range append(as, bs...) {
				var at int64
				fmt.Sscan(e[1:], &at)
				latest[e[:1]] = at
				if latest["a"] != never && latest["b"] != never && max(latest["a"], latest["b"])-min(latest["a"], latest["b"]) <= within {
					want = append(want, fmt.Sprint("a+b@", at))
					latest["a"], latest["b"] = never, never
				}
			}
			as, bs = nil, nil
		}
		time := ""
		for _, e := range strings.Fields(part) {
			if e[1:] != time {
				flush()
			}
			switch time = e[1:]; e[0] {
			case 'a':
				as = append(as, e)
			case 'b':
				bs = append(bs, e)
			}
		}
		flush()
	}
	if w := strings.Join(want, " "); got != w {
		t.Errorf("all: fired %q, want %q", got, w)
	}
}

func TestNamed(t *testing.T) {
	for _, test := range []struct {
		pattern string
		yes, no []string
	}{
		{"zfs list", []string{"zfs list"}, []string{"", "zfs", "zfs list2"}},
		{"zfs *", []string{"zfs list", "zfs "}, []string{"zfs", "a zfs list"}},
		{"*", []string{"", "a", "GET /users/1"}, nil},
		{"GET *", []string{"GET /a/b"}, []string{"POST /a"}},
		{"*list", []string{"list", "zfs list"}, []string{"list of"}},
		{"a*b*c", []string{"abc", "aXbYc", "abbc", "abcbc"}, []string{"ab", "ac", "acb", "abcd"}},
		{"a*a", []string{"aa", "aba"}, []string{"a"}},
		{"**", []string{"", "x"}, nil},
		{"[", []string{"["}, []string{"]"}},
	} {
		m := Named("nothing", test.pattern)
		for _, name := range test.yes {
			if !m(&trace.Record{Name: name}) {
				t.Errorf("%q doesn't match %q", test.pattern, name)
			}
		}
		for _, name := range test.no {
			if m(&trace.Record{Name: name}) {
				t.Errorf("%q matches %q", test.pattern, name)
			}
		}
	}
}

// TestNamedLikeRegexp compares patterns with regular expressions.
func TestNamedLikeRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "name")
		want := regexp.MustCompile("^" + strings.ReplaceAll(pattern, "*", ".*") + "$").MatchString(name)
		if got := matchName(pattern, name); got != want {
			t.Errorf("%q matches %q: %v", pattern, name, got)
		}
	})
}
