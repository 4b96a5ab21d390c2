package replicate

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// roundsVariable says how many rounds TestRandomRounds takes, and seedVariable with which it starts.
const (
	roundsVariable = "SPANSTACK_ROUNDS"
	seedVariable   = "SPANSTACK_SEED"
)

// TestRandomRounds does to both sides of a replication what users and failures do, and replicates meanwhile, with all kinds of
// options. Whatever happens, the source keeps what it has, the destination loses nothing unless an option says so, and when
// nothing fails any more, all arrives, or a conflict says why not.
func TestRandomRounds(t *testing.T) {
	rounds, seed := 6, uint64(time.Now().UnixNano())
	if text := os.Getenv(roundsVariable); text != "" {
		rounds, _ = strconv.Atoi(text)
	}
	if text := os.Getenv(seedVariable); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	for i := range rounds {
		t.Run(fmt.Sprintf("%s=%d", seedVariable, seed+uint64(i)), func(t *testing.T) {
			r := &round{house: newHouse(t), Rand: rand.New(rand.NewPCG(seed+uint64(i), 0))}
			r.create("tank/a")
			for range 14 {
				r.disturb()
				if r.IntN(2) == 0 {
					r.replicateSafely()
				}
			}
			r.converge()
		})
	}
}

// round is one round.
type round struct {
	*house
	*rand.Rand
	count int
	done  []string // for the failure's message
}

func (r *round) note(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

// below returns the datasets of a tree, or none if it doesn't exist.
func (r *round) below(root string) []zfssend.Dataset {
	r.Helper()
	list, err := r.client.List(r.ctx, root, zfssend.ListOptions{Recursive: true})
	if !errors.Is(err, zfssend.NotFound) {
		r.must(err)
	}
	return list
}

// pick returns one of a list, and whether there is one.
func pick[T any](r *round, list []T) (v T, ok bool) {
	if len(list) == 0 {
		return v, false
	}
	return list[r.IntN(len(list))], true
}

// disturb does something that a user or another program does.
func (r *round) disturb() {
	r.Helper()
	r.count++
	src, _ := pick(r, r.below("tank/a"))
	dst, copied := pick(r, r.below("backup/a"))
	switch n := r.IntN(10); {
	case n < 2 && strings.Count(src.Name, "/") < 4:
		r.note("create below %s", src.Name)
		r.create(fmt.Sprintf("%s/%d", src.Name, r.count))
	case n < 4:
		r.note("write %s", src.Name)
		r.must(r.model.Write(src.Name, "file", make([]byte, r.IntN(300<<10))))
	case n < 7:
		r.note("snapshot @%d", r.count)
		r.snapshot(fmt.Sprintf("tank/a@%d", r.count))
	case n == 7:
		if v, ok := pick(r, snapshots(src)); ok {
			r.note("destroy %s%s", src.Name, v.Name)
			r.destroy(src.Name + v.Name)
		}
	case n == 8 && copied:
		if v, ok := pick(r, snapshots(dst)); ok {
			r.note("destroy %s%s", dst.Name, v.Name)
			r.destroy(dst.Name + v.Name)
		}
	case n == 9 && copied && dst.ResumeToken == "":
		r.note("snapshot %s@mine%d", dst.Name, r.count)
		r.must(r.client.Snapshot(r.ctx, fmt.Sprintf("%s@mine%d", dst.Name, r.count)))
	}
}

// destroy destroys a snapshot, unless it is held, or the base of an interrupted receive.
func (r *round) destroy(name string) {
	r.Helper()
	if err := r.client.Destroy(r.ctx, name); !errors.Is(err, zfssend.Busy) && !errors.Is(err, zfssend.HasDependents) {
		r.must(err)
	}
}

// randomFault makes send or receive fail, somewhere, or lets both work.
func (r *round) randomFault() {
	r.must(r.model.SetFault("send", zfsmodel.Fault{}))
	r.must(r.model.SetFault("receive", zfsmodel.Fault{}))
	fault := zfsmodel.Fault{After: r.Int64N(300 << 10), Text: "cannot do it: dataset is busy\n", Exit: 1}
	switch r.IntN(4) {
	case 0:
		r.note("send fails after %d", fault.After)
		r.must(r.model.SetFault("send", fault))
	case 1:
		r.note("receive fails after %d", fault.After)
		r.must(r.model.SetFault("receive", fault))
	}
}

// replicateSafely replicates with some options, and checks that nothing is lost.
func (r *round) replicateSafely() {
	r.Helper()
	r.randomFault()
	o := Options{Recursive: true, Backoff: time.Millisecond, Workers: 1 + r.IntN(3), Retries: r.IntN(2), Newest: r.IntN(4) == 0}
	o.Rollback, o.DestroyDiverged = r.IntN(3) == 0, r.IntN(4) == 0
	if r.IntN(3) == 0 {
		o.Cursor = "test"
	}
	if r.IntN(4) == 0 {
		o.Hold = "test"
	}
	r.note("replicate %+v", o)
	r.r.Options = o
	src, dst := r.below("tank/a"), r.below("backup/a")
	look := r.r.Plan
	if r.IntN(2) == 0 {
		look = r.r.QuickPlan
	}
	plan, err := look(r.ctx, "tank/a", "backup/a")
	r.must(err)
	planned := make(map[string]bool) // what the plans name, that made anew included
	report, err := r.r.Execute(r.ctx, plan)
	for _, d := range report.Datasets {
		for _, name := range d.Plan.Destroy {
			planned[d.Plan.Destination+name] = true
		}
	}
	for _, d := range plan.Datasets {
		for _, name := range d.Destroy {
			planned[d.Destination+name] = true
		}
	}
	if err == nil && len(report.Failed()) > 0 {
		r.Errorf("no error, but %d failed", len(report.Failed()))
	}
	r.keeps(src, r.below("tank/a"), func(name string) bool { return strings.Contains(name, "#") })
	r.keeps(dst, r.below("backup/a"), func(name string) bool { return o.DestroyDiverged && planned[name] })
}

// keeps checks that datasets have what they had.
func (r *round) keeps(before, after []zfssend.Dataset, but func(name string) bool) {
	r.Helper()
	have := make(map[string]uint64)
	for _, d := range after {
		have[d.Name] = d.GUID
		for _, v := range d.Versions {
			have[d.Name+v.Name] = v.GUID
		}
	}
	for _, d := range before {
		first := len(d.Versions) == 0 && d.ResumeToken != "" // the state of a first receive goes with its dataset
		if have[d.Name] != d.GUID && !first {
			r.fail("%s is gone", d.Name)
		}
		for _, v := range d.Versions {
			if have[d.Name+v.Name] != v.GUID && !but(d.Name+v.Name) {
				r.fail("%s%s is gone", d.Name, v.Name)
			}
		}
	}
}

func (r *round) fail(format string, args ...any) {
	r.Helper()
	r.Errorf(format+"; before:\n  %s", append(args, strings.Join(r.done, "\n  "))...)
}

// converge replicates without failures, and checks that all is there then, or that there is a conflict which says why not.
func (r *round) converge() {
	r.Helper()
	r.must(r.model.SetFault("send", zfsmodel.Fault{}))
	r.must(r.model.SetFault("receive", zfsmodel.Fault{}))
	r.snapshot("tank/a@last")
	r.r.Options = Options{Recursive: true, Rollback: true, DestroyDiverged: true}
	plan, err := r.r.Plan(r.ctx, "tank/a", "backup/a")
	r.must(err)
	report, _ := r.r.Execute(r.ctx, plan)
	for _, d := range report.Datasets {
		conflict, isConflict := errors.AsType[*Conflict](d.Err)
		above, isAbove := errors.AsType[*AboveError](d.Err)
		switch {
		case isConflict && (conflict.Kind == NothingInCommon || conflict.Kind == DestinationExists || conflict.Kind == NameTaken):
		case isAbove && slices.ContainsFunc(report.Datasets, func(o *DatasetResult) bool { return o.Err != nil && o.Plan.Destination == above.Above }):
		case d.Err != nil:
			r.fail("%v", d.Err)
		default:
			want, err := r.model.Contents(d.Plan.Source + "@last")
			r.must(err)
			got, err := r.model.Contents(d.Plan.Destination + "@last")
			r.must(err)
			if !maps.Equal(got, want) {
				r.fail("%s and %s differ", d.Plan.Source, d.Plan.Destination)
			}
		}
	}
	r.want(r.replicate("tank/a", "backup/a"), r.conflictsOf(report)...)
}

// conflictsOf returns the lines of replicate for what is in the way.
func (r *round) conflictsOf(report *Report) []string {
	var lines []string
	for _, d := range report.Failed() {
		what := d.Err.Error()
		if c, ok := errors.AsType[*Conflict](d.Err); ok {
			what = c.Kind.String()
		}
		lines = append(lines, d.Plan.Destination+": "+what)
	}
	return lines
}
