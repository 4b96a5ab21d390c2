package prune

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

var now = date(3, 10, 12, 0)

// dataset returns one with versions "@a" or "#a:b", a bookmark #a of @b, in that order, a day apart; the newest is as old as now.
// GUIDs are made of names, so that those of two datasets are the same. "@a!" has a hold.
func dataset(name string, versions ...string) zfssend.Dataset {
	d := zfssend.Dataset{Name: name, GUID: 1}
	for i, text := range versions {
		v := zfssend.Version{Name: strings.TrimSuffix(text, "!"), CreateTXG: uint64(100 + i), Creation: now.AddDate(0, 0, i-len(versions)+1)}
		if text != v.Name {
			v.Holds = 1
		}
		v.GUID = guid(v.Name[1:])
		if bookmark, of, ok := strings.Cut(v.Name, ":"); ok {
			v.Name, v.GUID = bookmark, guid(of)
			for _, s := range d.Versions { // it has all that of its snapshot
				if s.GUID == v.GUID && !s.IsBookmark() {
					v.CreateTXG, v.Creation = s.CreateTXG, s.Creation
				}
			}
		}
		d.Versions = append(d.Versions, v)
	}
	return d
}

func guid(name string) (n uint64) {
	for _, c := range []byte(name) {
		n = n*131 + uint64(c)
	}
	return n
}

func lastRule(n int) Rule {
	r, err := KeepLast(n)
	if err != nil {
		panic(err)
	}
	return r
}

func plan(t testing.TB, d zfssend.Dataset, p Policy, peers ...PeerListing) *Plan {
	t.Helper()
	plan, err := NewPlan(now, d, peers, &p)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// doomed returns what is destroyed, without the dataset.
func doomed(p *Plan) string {
	return strings.ReplaceAll(strings.Join(p.Doomed(), " "), p.Dataset, "")
}

// why returns what is said about a snapshot.
func why(p *Plan, name string) string {
	for _, d := range p.Decisions {
		if d.Snapshot.Name == name {
			return d.Fate.String() + ": " + strings.Join(d.Reasons, "; ")
		}
	}
	return "there is no " + name
}

func TestRules(t *testing.T) {
	five := []string{"@a", "@b", "@c", "@d", "@e"} // e of now, a four days old
	matching := regexp.MustCompile("[bd]")
	for _, c := range []struct {
		rules []Rule
		want  string
	}{
		{[]Rule{lastRule(1)}, "@a @b @c @d"},
		{[]Rule{lastRule(3)}, "@a @b"},
		{[]Rule{lastRule(9)}, ""},
		{[]Rule{KeepMatching(matching, false)}, "@a @c"}, // e is the newest one
		{[]Rule{KeepMatching(matching, true)}, "@b @d"},
		{[]Rule{KeepMatching(matching, false), lastRule(3)}, "@a"},
		{[]Rule{KeepYounger(48 * time.Hour)}, "@a @b @c"},
		{[]Rule{KeepOlder(48 * time.Hour)}, "@d"},
		{[]Rule{KeepYounger(48*time.Hour + 1)}, "@a @b"},
		{[]Rule{KeepUnreplicated()}, ""},
		{[]Rule{grid1(t, "2x2d", "UTC")}, "@a @b @d"},
	} {
		p := plan(t, dataset("tank/a", five...), Policy{Rules: c.rules})
		if got := doomed(p); got != c.want {
			t.Errorf("%v: destroys %q, want %q", c.rules, got, c.want)
		}
		if p.Count(Keep)+p.Count(Destroy) != 5 || p.Count(Foreign) != 0 {
			t.Errorf("%v: counts are wrong", c.rules)
		}
	}
	if _, err := NewPlan(now, dataset("tank/a", five...), nil, &Policy{}); !errors.Is(err, ErrNoRule) {
		t.Errorf("no rules: %v", err)
	}
	if _, err := KeepLast(0); err == nil {
		t.Error("the last 0 are no rule")
	}
	if p := plan(t, dataset("tank/empty"), Policy{Rules: []Rule{lastRule(1)}}); len(p.Decisions) != 0 || p.Doomed() != nil {
		t.Errorf("%+v", p)
	}
}

func TestReasons(t *testing.T) {
	d := dataset("tank/a", "@auto-1", "@auto-2!", "@manual", "@auto-3", "@auto-4", "@auto-5")
	p := plan(t, d, Policy{
		Match: func(name string) bool { return strings.HasPrefix(name, "auto-") },
		Rules: []Rule{lastRule(2), KeepMatching(regexp.MustCompile("3$"), false), KeepYounger(36 * time.Hour)},
	})
	for name, want := range map[string]string{
		"@auto-1": "destroy: no rule keeps it",
		"@auto-2": "keep: held",
		"@manual": "foreign: its name is none of those that are pruned",
		"@auto-3": `keep: its name matches "3$"`,
		"@auto-4": "keep: one of the last 2; younger than 1d12h",
		"@auto-5": "keep: one of the last 2; younger than 1d12h; the newest snapshot",
	} {
		if got := why(p, name); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

// TestNewestStays: the newest of all is kept, be it a foreign one or not.
func TestNewestStays(t *testing.T) {
	matches := func(name string) bool { return name != "manual" }
	if got := doomed(plan(t, dataset("tank/a", "@a", "@b", "@manual"), Policy{Match: matches, Rules: []Rule{KeepOlder(time.Hour * 24 * 365)}})); got != "@a @b" {
		t.Errorf("destroys %s", got)
	}
	if got := doomed(plan(t, dataset("tank/a", "@manual", "@a", "@b"), Policy{Match: matches, Rules: []Rule{KeepOlder(time.Hour * 24 * 365)}})); got != "@a" {
		t.Errorf("destroys %s", got)
	}
}

// TestClock: who set a clock back finds snapshots of the future. They stay, and so do those of which the time isn't known.
func TestClock(t *testing.T) {
	d := dataset("tank/a", "@a", "@b", "@c", "@d")
	d.Versions[0].Creation = now.Add(time.Hour)
	d.Versions[1].Creation = time.Time{}
	p := plan(t, d, Policy{Rules: []Rule{KeepYounger(time.Minute)}})
	if doomed(p) != "@c" || why(p, "@a") != "keep: younger than 1m; by this host's clock it is of the future: 2026-03-10T13:00:00Z" ||
		why(p, "@b") != "keep: its time of creation isn't known" {
		t.Errorf("destroys %s; %s; %s", doomed(p), why(p, "@a"), why(p, "@b"))
	}
	if p := plan(t, d, Policy{Rules: []Rule{lastRule(1)}}); doomed(p) != "@a @b @c" {
		t.Errorf("a rule without times destroys %s", doomed(p))
	}
}

func TestPeers(t *testing.T) {
	one := Policy{Rules: []Rule{lastRule(1)}}
	source := []string{"@a", "@b", "@c", "@d", "@e"}
	const cursorB = "#zferry_backup_00000000000000bb:b"
	const zreplB = "#zrepl_CURSOR_G_bb_J_nightly:b"
	token := zstream.Token{ToName: "tank/a@d", ToGUID: guid("d"), FromGUID: guid("b"), Object: 1}.String()
	with := func(versions []string, more ...string) []string {
		return slices.Concat(versions[:2], more, versions[2:])
	}
	target := func(versions ...string) PeerListing {
		return PeerListing{Dataset: dataset("backup/a", versions...), Role: Target}
	}
	interrupted := target("@a", "@b")
	interrupted.Dataset.ResumeToken = token
	named := target("@a", "@b")
	named.Cursor = "backup"
	misnamed := target("@a", "@b")
	misnamed.Cursor = "offsite"
	for name, c := range map[string]struct {
		versions []string
		peers    []PeerListing
		want     string
		why      string // "@b ..."
	}{
		"target":                 {source, []PeerListing{target("@a", "@b")}, "@a @c @d", "keep: the newest that backup/a has, too"},
		"target has all":         {source, []PeerListing{target(source...)}, "@a @b @c @d", ""},
		"target has own":         {source, []PeerListing{target("@a", "@b", "@other")}, "@a @c @d", ""},
		"two targets":            {source, []PeerListing{target("@a", "@b"), target("@c")}, "@a @d", ""},
		"nothing in common":      {source, []PeerListing{target("@x")}, "@a @b @c @d", ""},
		"no target yet":          {source, []PeerListing{{Dataset: zfssend.Dataset{Name: "backup/a"}, Role: Target}}, "@a @b @c @d", ""},
		"cursor":                 {with(source, cursorB), []PeerListing{target("@a", "@b")}, "@a @b @c @d", "destroy: no rule keeps it; the next increment can start from its cursor #zferry_backup_00000000000000bb"},
		"zrepl's cursor":         {with(source, zreplB), []PeerListing{target("@a", "@b")}, "@a @b @c @d", "destroy: no rule keeps it; the next increment can start from its cursor #zrepl_CURSOR_G_bb_J_nightly"},
		"cursor of that name":    {with(source, cursorB, "#zferry_offsite_00000000000000aa:a"), []PeerListing{named}, "@a @b @c @d", ""},
		"another's cursor":       {with(source, cursorB), []PeerListing{misnamed}, "@a @c @d", "keep: the newest that backup/a has, too"},
		"whose cursor?":          {with(source, cursorB, "#zferry_offsite_00000000000000aa:a"), []PeerListing{target("@a", "@b")}, "@a @c @d", ""},
		"a cursor, two targets":  {with(source, cursorB), []PeerListing{target("@a", "@b"), target("@b")}, "@a @c @d", ""},
		"another bookmark":       {with(source, "#mine:b"), []PeerListing{target("@a", "@b")}, "@a @c @d", ""},
		"cursor of another":      {with(source, "#zferry_backup_00000000000000aa:a"), []PeerListing{target("@a", "@b")}, "@a @c @d", ""},
		"interrupted receive":    {source, []PeerListing{interrupted}, "@a @c", "keep: an interrupted receive of backup/a goes on with it; the newest that backup/a has, too"},
		"destination":            {[]string{"@a", "@b", "@own"}, []PeerListing{{Dataset: dataset("tank/a", source...), Role: Source}}, "@a", "keep: the newest that tank/a has, too"},
		"destination, bookmark":  {[]string{"@a", "@b", "@own"}, []PeerListing{{Dataset: dataset("tank/a", cursorB, "@c"), Role: Source}}, "@a", "keep: the newest that tank/a has, too"},
		"a cursor there is none": {[]string{"@a", "@b", cursorB, "@own"}, []PeerListing{{Dataset: dataset("tank/a", source...), Role: Source}}, "@a", "keep: the newest that tank/a has, too"},
		"between two":            {source, []PeerListing{{Dataset: dataset("tank/a", "@a", "@d"), Role: Source}, target("@b")}, "@a @c", ""},
		"between two, cursor":    {with(source, cursorB), []PeerListing{{Dataset: dataset("tank/a", "@a", "@b"), Role: Source}, target("@b")}, "@a @c @d", "keep: the newest that tank/a has, too"},
		"no peers":               {source, nil, "@a @b @c @d", ""},
	} {
		p := plan(t, dataset("tank/a", c.versions...), one, c.peers...)
		if got := doomed(p); got != c.want || c.why != "" && why(p, "@b") != c.why {
			t.Errorf("%s: destroys %q, want %q; @b: %s\nwant %s", name, got, c.want, why(p, "@b"), c.why)
		}
	}
	p := plan(t, dataset("tank/a", source...), one, target("@x"))
	if len(p.Notes) != 1 || p.Notes[0] != "tank/a has nothing in common with backup/a" {
		t.Errorf("notes are %q", p.Notes)
	}
	// The other side's order counts, too.
	there := target("@b", "@a")
	if got := doomed(plan(t, dataset("tank/a", source...), one, there)); got != "@c @d" {
		t.Errorf("two orders: destroys %q", got)
	}
	// An own receive that broke off goes on from what is here.
	d := dataset("backup/a", "@a", "@b", "@c")
	d.ResumeToken = token
	if got := why(plan(t, d, one), "@b"); got != "keep: an interrupted receive goes on from it" {
		t.Errorf("got %s", got)
	}
	d.ResumeToken = "1-2-3-4"
	if p := plan(t, d, one); len(p.Notes) != 1 || !strings.HasPrefix(p.Notes[0], "read resume token") {
		t.Errorf("notes are %q", p.Notes)
	}
}

func TestUnreplicated(t *testing.T) {
	rules := Policy{Rules: []Rule{KeepUnreplicated()}}
	source := []string{"@a", "@b", "@c", "@d"}
	target := func(name string, versions ...string) PeerListing {
		return PeerListing{Dataset: dataset(name, versions...), Role: Target}
	}
	for name, c := range map[string]struct {
		versions    []string
		peers       []PeerListing
		want, about string
	}{
		"target":          {source, []PeerListing{target("backup/a", "@a", "@b")}, "@a", "keep: not yet replicated to backup/a"},
		"two targets":     {source, []PeerListing{target("backup/a", "@a", "@c"), target("other/a", "@b")}, "@a", "keep: not yet replicated to other/a; the newest that backup/a has, too"},
		"nothing there":   {source, []PeerListing{target("backup/a")}, "", "keep: not yet replicated to backup/a"},
		"no peers":        {source, nil, "", "keep: nothing tells that it was replicated: there is no target, and no cursor"},
		"a cursor":        {[]string{"@a", "@b", "#zferry_x_00000000000000bb:b", "@c", "@d"}, nil, "@a @b", "keep: not yet replicated to zferry's cursor x"},
		"cursors of two":  {[]string{"@a", "#zrepl_CURSOR_G_aa_J_j:a", "@b", "#zferry_x_00000000000000bb:b", "@c", "@d"}, nil, "@a", "keep: not yet replicated to zrepl's job j"},
		"target's cursor": {[]string{"@a", "@b", "#zferry_x_00000000000000bb:b", "@c", "@d"}, []PeerListing{target("backup/a", "@b")}, "@a @b", ""},
	} {
		p := plan(t, dataset("tank/a", c.versions...), rules, c.peers...)
		if got := doomed(p); got != c.want || c.about != "" && why(p, "@c") != c.about {
			t.Errorf("%s: destroys %q, want %q; @c: %s\nwant %s", name, got, c.want, why(p, "@c"), c.about)
		}
	}
}

func TestStaleCursors(t *testing.T) {
	versions := []string{"@a", "#zferry_x_000000000000000a:a", "#zferry_y_000000000000000a:a", "#zrepl_CURSOR_G_a_J_j:a", "#mine:a",
		"@b", "#zferry_x_000000000000000b:b", "#zrepl_CURSOR_G_b_J_j:b", "@c"}
	policy := Policy{Rules: []Rule{lastRule(9)}}
	p := plan(t, dataset("tank/a", versions...), policy)
	if len(p.StaleCursors) != 1 || p.StaleCursors[0].Name != "#zferry_x_000000000000000a" || p.Doomed() != nil {
		t.Errorf("%+v; destroys %s", p.StaleCursors, doomed(p))
	}
	policy.StaleCursors = true
	if got := doomed(plan(t, dataset("tank/a", versions...), policy)); got != "#zferry_x_000000000000000a" {
		t.Errorf("destroys %s", got)
	}
	// One that a target needs to start from isn't stale, whatever has come after it.
	peer := PeerListing{Dataset: dataset("backup/a", "@a"), Role: Target}
	if got := doomed(plan(t, dataset("tank/a", versions...), policy, peer)); got != "" {
		t.Errorf("destroys %s", got)
	}
}

func BenchmarkPlan(b *testing.B) {
	const n = 1_000_000
	d := zfssend.Dataset{Name: "tank/a"}
	peer := PeerListing{Dataset: zfssend.Dataset{Name: "backup/a"}, Role: Target}
	for i := range n {
		v := zfssend.Version{Name: fmt.Sprintf("@auto-%07d", i), GUID: uint64(i)*0x9e3779b97f4a7c15 + 1, CreateTXG: uint64(i), Creation: now.Add(time.Duration(i-n) * time.Minute)}
		d.Versions = append(d.Versions, v)
		if i < n/2 {
			peer.Dataset.Versions = append(peer.Dataset.Versions, v)
		}
	}
	policy := Policy{
		Match: regexp.MustCompile("^auto-").MatchString,
		Rules: []Rule{lastRule(100), grid1(b, "1x1h(keep=all) 24x1h 30x1d 12x30d", "UTC"), grid1(b, "hourly=24 monthly=12", "Europe/Berlin"),
			KeepMatching(regexp.MustCompile("00000$"), false), KeepYounger(24 * time.Hour)},
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := NewPlan(now, d, []PeerListing{peer}, &policy)
		if err != nil || p.Count(Destroy) < n/2 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "snapshots/s")
}
