package replicate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/zfssend"
)

// dataset makes a dataset from a list of versions, the oldest first, such as "@a:1 #a:1 @b:2": names with GUIDs.
// "-" is a dataset that doesn't exist.
func dataset(name string, guid uint64, versions string) zfssend.Dataset {
	if versions == "-" {
		return zfssend.Dataset{Name: name}
	}
	d := zfssend.Dataset{Name: name, GUID: guid, Encryption: "off"}
	for i, text := range strings.Fields(versions) {
		v := zfssend.Version{CreateTXG: uint64(10 + i)}
		var id string
		v.Name, id, _ = strings.Cut(text, ":")
		fmt.Sscan(id, &v.GUID)
		if v.IsBookmark() { // it is as old as its snapshot
			for _, other := range d.Versions {
				if other.GUID == v.GUID {
					v.CreateTXG = other.CreateTXG
				}
			}
		}
		d.Versions = append(d.Versions, v)
	}
	return d
}

func TestPlanDataset(t *testing.T) {
	tests := []struct {
		name     string
		src, dst string
		want     string // the steps, or the conflict with what is in the way
	}{
		{"first of one", "@a:1", "-", "full @a"},
		{"first of two", "@a:1 @b:2", "-", "full @a; incremental @a..@b"},
		{"first of many", "@a:1 @b:2 @c:3", "-", "full @a; incremental @a..@c (2 snapshots)"},
		{"first, with bookmarks", "#z:9 @a:1 #a:1", "-", "full @a"},
		{"up to date", "@a:1 @b:2", "@a:1 @b:2", ""},
		{"one new", "@a:1 @b:2", "@a:1", "incremental @a..@b"},
		{"several new", "@a:1 @b:2 @c:3 @d:4", "@a:1", "incremental @a..@d (3 snapshots)"},
		{"renamed at the destination", "@a:1 @b:2", "@old:1", "incremental @a..@b"},
		{"renamed at the source", "@new:1 @b:2", "@a:1", "incremental @new..@b"},
		{"base only as a bookmark", "#a:1 @b:2", "@a:1", "incremental #a..@b"},
		{"several since a bookmark", "#a:1 @b:2 @c:3 @d:4", "@a:1", "incremental #a..@b; incremental @b..@d (2 snapshots)"},
		{"snapshot preferred to its bookmark", "@a:1 #a:1 @b:2", "@a:1", "incremental @a..@b"},
		{"newest common one", "@a:1 @b:2 @c:3", "@a:1 @b:2", "incremental @b..@c"},
		{"destination keeps older ones", "@c:3 @d:4", "@a:1 @b:2 @c:3", "incremental @c..@d"},
		{"only bookmarks are newer", "@a:1 #b:2", "@a:1", ""},
		{"no snapshots", "", "-", "no snapshots"},
		{"only bookmarks", "#a:1", "-", "no snapshots"},
		{"destination without snapshots", "@a:1", "", "destination exists"},
		{"nothing in common", "@a:1", "@a:7 @b:8", "nothing in common @a @b"},
		{"destination has newer ones", "@a:1 @c:3", "@a:1 @x:7 @y:8", "incremental @a..@c; own @x @y"},
		{"rolled back", "@a:1", "@a:1 @b:2", "own @b"},
		{"raw above newer ones", "raw @a:1 @c:3", "@a:1 @x:7 @y:8", "diverged @x @y"},
		{"raw, rolled back", "raw @a:1", "@a:1 @b:2", "own @b"},
		{"name in use", "@b:2 @a:3", "@a:1 @b:2", "name taken @a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			versions, raw := strings.CutPrefix(tt.src, "raw ")
			src := dataset("tank/a", 100, versions)
			if raw {
				src.Encryption = "aes-256-gcm"
			}
			plan := PlanDataset(src, dataset("backup/a", 200, tt.dst), &Options{})
			got := describe(plan)
			if c := plan.Conflict; c != nil {
				got = strings.Join(append([]string{c.Kind.String()}, c.Versions...), " ")
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func describe(p *DatasetPlan) string {
	var steps []string
	for _, s := range p.Steps {
		steps = append(steps, s.String())
	}
	if len(p.Own) > 0 {
		steps = append(steps, "own "+strings.Join(p.Own, " "))
	}
	return strings.Join(steps, "; ")
}

func TestPlanEncrypted(t *testing.T) {
	for _, encryption := range []string{"aes-256-gcm", "-", ""} { // what isn't known to be plain isn't
		src := dataset("tank/a", 100, "@a:1 @b:2")
		src.Encryption = encryption
		for plaintext, want := range map[bool]bool{false: true, true: false} {
			plan := PlanDataset(src, dataset("backup/a", 200, "-"), &Options{Plaintext: plaintext})
			if len(plan.Steps) != 2 {
				t.Fatalf("got %v", plan.Steps)
			}
			for _, s := range plan.Steps {
				if s.Raw != want {
					t.Errorf("encryption %q, plaintext %v: step %v", encryption, plaintext, s)
				}
			}
		}
	}
}

// TestPlanEncrypts: what encrypts can't take embedded blocks, be it there already, or inherit that; raw streams don't ask for any.
func TestPlanEncrypts(t *testing.T) {
	encrypted := func(d zfssend.Dataset) zfssend.Dataset {
		d.Encryption = "aes-256-gcm"
		return d
	}
	plain, secret := []zfssend.Dataset{dataset("tank/a", 1, "@a:1"), dataset("tank/a/b", 2, "@a:2")}, []zfssend.Dataset{encrypted(dataset("tank/a", 1, "@a:1"))}
	for _, tt := range []struct {
		name     string
		src, dst []zfssend.Dataset
		o        Options
		want     string
	}{
		{"nothing is known of the destination", plain, nil, Options{}, "false false"},
		{"above it is a plain one", plain, []zfssend.Dataset{dataset("backup", 10, "")}, Options{}, "false false"},
		{"above it is an encrypted one", plain, []zfssend.Dataset{encrypted(dataset("backup", 10, ""))}, Options{}, "true true"},
		{"it is encrypted", plain, []zfssend.Dataset{encrypted(dataset("backup/a", 10, "@z:1"))}, Options{}, "true"},
		{"it is plain, in an encrypted one", plain, []zfssend.Dataset{encrypted(dataset("backup", 10, "")), dataset("backup/a", 10, "@a:1")}, Options{}, "false"},
		{"raw", secret, []zfssend.Dataset{encrypted(dataset("backup", 10, ""))}, Options{}, "false"},
		{"decrypted", secret, []zfssend.Dataset{encrypted(dataset("backup", 10, ""))}, Options{Plaintext: true}, "true"},
	} {
		var got []string
		for _, d := range NewPlan("tank/a", "backup/a", tt.src, tt.dst, &tt.o).Datasets {
			for _, s := range d.Steps {
				got = append(got, fmt.Sprint(s.NoEmbedded))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: without embedded blocks: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestConflicts(t *testing.T) {
	interrupted := dataset("backup/a", 200, "@a:1")
	interrupted.ResumeToken = "1-abc"
	tests := []struct {
		src, dst zfssend.Dataset
		kind     Kind
		err      string
		hint     string
	}{
		{dataset("tank/a b", 100, ""), dataset("backup/a", 200, "-"), NoSnapshots,
			"plan replication of tank/a b to backup/a: tank/a b has no snapshots", "take one: zfs snapshot 'tank/a b@NAME'"},
		{dataset("tank/a", 100, "@a:1"), interrupted, Interrupted,
			"plan replication of tank/a to backup/a: backup/a has the state of an interrupted receive that can't be understood",
			"if no receive is running, finish it: zfs send -t 1-abc | zfs receive -s -u backup/a\nor drop what it has received: zfs receive -A backup/a"},
		{dataset("tank/a", 100, "@a:1"), dataset("backup", 200, ""), DestinationExists,
			"plan replication of tank/a to backup: backup exists but has no snapshots, so it is no earlier copy",
			"name a new dataset, such as backup/a; or, if its contents aren't needed, rename or destroy backup"},
		{dataset("tank/a", 100, "#a:1"), dataset("backup/a", 200, "-"), NoSnapshots, "", ""},
		{dataset("tank/a", 100, "@b:2 @a:3"), dataset("backup/a", 200, "@a:1 @b:2"), NameTaken,
			"plan replication of tank/a to backup/a: backup/a has other snapshots of the same names as some to be sent: @a",
			"rename them, for instance: zfs rename backup/a@a backup/a@a-old"},
	}
	for _, tt := range tests {
		c := PlanDataset(tt.src, tt.dst, &Options{}).Conflict
		if c == nil || c.Kind != tt.kind {
			t.Errorf("%v: got %v", tt.kind, c)
			continue
		}
		if tt.err != "" && c.Error() != tt.err {
			t.Errorf("got  %s\nwant %s", c, tt.err)
		}
		if tt.hint != "" && c.Hint() != tt.hint {
			t.Errorf("got  %s\nwant %s", c.Hint(), tt.hint)
		}
	}
	if p := PlanDataset(dataset("tank/a", 100, "@a:1"), dataset("copy/a", 100, "@a:1"), &Options{}); !p.UpToDate() {
		t.Errorf("a copy with the same GUID, as zpool split makes: %v", p.Conflict)
	}
	for k := SameDataset; k <= EncryptedPlaceholder; k++ {
		c := &Conflict{Kind: k, Source: "tank/a", Destination: "backup/x/a", Common: "@a", Versions: []string{"@b"}, Token: "1-abc"}
		if k.String() == "invalid" || c.problem() == k.String() || c.Hint() == "" {
			t.Errorf("kind %v: %v; hint %q", k, c, c.Hint())
		}
	}
}

// TestPlanProperty applies plans to a model of what zfs does and compares the result with the source.
func TestPlanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// The source's history, and which of it is still there, as snapshots or as bookmarks.
		history := rapid.IntRange(0, 12).Draw(t, "history")
		src := zfssend.Dataset{Name: "tank/a", GUID: 1, Encryption: rapid.SampledFrom([]string{"off", "aes-256-gcm"}).Draw(t, "encryption")}
		dst := zfssend.Dataset{Name: "backup/a", GUID: 2}
		received := rapid.IntRange(0, history).Draw(t, "received")
		for i := range history {
			snapshot := zfssend.Version{Name: fmt.Sprintf("@%d", i), GUID: uint64(100 + i), CreateTXG: uint64(10 + i)}
			bookmark := snapshot
			bookmark.Name = fmt.Sprintf("#%d", i)
			if rapid.Bool().Draw(t, "bookmark") {
				src.Versions = append(src.Versions, bookmark)
			}
			if rapid.Bool().Draw(t, "snapshot") {
				src.Versions = append(src.Versions, snapshot)
			}
			if i < received && rapid.Bool().Draw(t, "kept") {
				snapshot.CreateTXG += 1000 // another pool, another count
				dst.Versions = append(dst.Versions, snapshot)
			}
		}
		if received == 0 {
			dst.GUID = 0
		}
		plan := PlanDataset(src, dst, &Options{})
		if plan.Conflict != nil {
			checkConflict(t, plan.Conflict, src, dst)
			return
		}
		before := snapshots(dst)
		after := apply(t, *plan, src, dst)
		if !slices.Equal(after[:len(before)], guids(before)) {
			t.Fatalf("the destination lost snapshots: %v, had %v", after, guids(before))
		}
		have := make(map[uint64]bool)
		for _, g := range after {
			have[g] = true
		}
		want := snapshots(src)
		for _, v := range want {
			base := slices.IndexFunc(want, func(w zfssend.Version) bool { return w.Name == plan.Base })
			if newer := base < 0 || v.CreateTXG > want[base].CreateTXG; newer && strings.HasPrefix(plan.Base, "@") && !have[v.GUID] {
				t.Fatalf("%s did not arrive", v.Name)
			}
		}
		if len(want) > 0 && dst.GUID == 0 && len(after) != len(want) {
			t.Fatalf("%d of %d snapshots arrived", len(after), len(want))
		}
		if newest := want[len(want)-1]; len(plan.Steps) > 0 && after[len(after)-1] != newest.GUID {
			t.Fatalf("the newest snapshot is %d, want %d", after[len(after)-1], newest.GUID)
		}
		for _, s := range plan.Steps {
			if s.Raw != (src.Encryption != "off") {
				t.Fatalf("raw is %v with encryption %s", s.Raw, src.Encryption)
			}
		}
	})
}

// apply does what zfs would, and returns the GUIDs of the destination's snapshots then. It fails on what zfs refuses.
func apply(t *rapid.T, plan DatasetPlan, src, dst zfssend.Dataset) []uint64 {
	have := guids(snapshots(dst))
	exists := dst.GUID != 0
	find := func(name string) zfssend.Version {
		i := slices.IndexFunc(src.Versions, func(v zfssend.Version) bool { return v.Name == name })
		if i < 0 {
			t.Fatalf("the source has no %s", name)
		}
		return src.Versions[i]
	}
	for _, s := range plan.Steps {
		to := find(s.To())
		if s.From == "" {
			if exists || len(s.Snapshots) != 1 {
				t.Fatalf("full stream %v into an existing dataset, or of several snapshots", s)
			}
			have, exists = append(have, to.GUID), true
			continue
		}
		from := find(s.From)
		if own := have[slices.Index(have, from.GUID)+1:]; !exists || len(own) == len(have) || len(own) > len(plan.Own) {
			t.Fatalf("%v: the destination's newest snapshot is another one, which isn't told: %v, own %v", s, have, plan.Own)
		}
		if len(s.Snapshots) > 1 && from.IsBookmark() {
			t.Fatalf("%v: several snapshots from a bookmark", s)
		}
		var between []string // what zfs sends with -I
		for _, v := range snapshots(src) {
			if v.CreateTXG > from.CreateTXG && v.CreateTXG <= to.CreateTXG {
				between = append(between, v.Name)
			}
		}
		if len(s.Snapshots) > 1 && !slices.Equal(between, s.Snapshots) {
			t.Fatalf("%v says %v, zfs sends %v", s, s.Snapshots, between)
		}
		for _, name := range s.Snapshots {
			have = append(have, find(name).GUID)
		}
	}
	return have
}

func guids(versions []zfssend.Version) []uint64 {
	list := make([]uint64, len(versions))
	for i, v := range versions {
		list[i] = v.GUID
	}
	return list
}

// checkConflict checks that there is no plan for a reason.
func checkConflict(t *rapid.T, c *Conflict, src, dst zfssend.Dataset) {
	known := make(map[uint64]bool)
	for _, v := range src.Versions {
		known[v.GUID] = true
	}
	have := snapshots(dst)
	switch c.Kind {
	case NoSnapshots:
		if len(snapshots(src)) > 0 {
			t.Fatal(c)
		}
	case DestinationExists:
		if dst.GUID == 0 || len(have) > 0 {
			t.Fatal(c)
		}
	case NothingInCommon:
		if slices.ContainsFunc(have, func(v zfssend.Version) bool { return known[v.GUID] }) {
			t.Fatal(c)
		}
	case Diverged:
		if !src.Encrypted() || known[have[len(have)-1].GUID] {
			t.Fatal(c)
		}
	default:
		t.Fatalf("unexpected: %v", c)
	}
}
