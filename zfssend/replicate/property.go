package replicate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// PropertyError says that a copy was replicated but lacks a property of Options.Set. As a rule, whoever made it wasn't permitted to
// set that, which zfs receive only warns of.
type PropertyError struct {
	Dataset   string // the copy
	Name      string // of the property
	Want, Got string // its values; Got is "-" for a user property that isn't set
	Denied    bool   // zfs receive has just said so; else it was made without, at some time
}

// Error implements error.
func (e *PropertyError) Error() string {
	why := "it was made without"
	if e.Denied {
		why = "there was no permission to set it"
	}
	return fmt.Sprintf("%s is replicated, but its %s is %q and not %q: %s", e.Dataset, e.Name, e.Got, e.Want, why)
}

// Is reports that it is a zfssend.PropertyDenied, if it is known to be one.
func (e *PropertyError) Is(target error) bool { return e.Denied && target == zfssend.PropertyDenied }

// Hint returns what the user can do.
func (e *PropertyError) Hint() string {
	return "set it there: " + command("set", e.Name+"="+e.Want, e.Dataset) + "; or no longer ask for it"
}

// differing returns those of Options.Set that a copy seems to lack, by the values in its listing. Some are written in several ways, and
// so are looked at again when the replication is done.
func (o *Options) differing(dst *zfssend.Dataset) (names []string) {
	for name, want := range o.Set {
		got, listed := dst.Properties[name]
		applies := got != "-" || isUserProperty(name)
		if listed && applies && !sameValue(want, got) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func isUserProperty(name string) bool { return strings.Contains(name, ":") }

// sameValue compares a value as people write it with one that zfs writes, where sizes are bytes and no limit is 0.
func sameValue(want, got string) bool {
	if want == got || want == "none" && got == "0" {
		return true
	}
	n, ok := parseSize(want)
	return ok && got == strconv.FormatUint(n, 10)
}

// parseSize parses a size such as "10G", "1.5TB" or "64KiB", as zfs_nicestrtonum of libzfs does.
func parseSize(text string) (bytes uint64, ok bool) {
	digits := strings.TrimRight(text, "BbEeGgIiKkMmPpTt")
	n, err := strconv.ParseFloat(digits, 64)
	unit := strings.ToUpper(text[len(digits):])
	if err != nil || n < 0 || unit == "" {
		return 0, false
	}
	power := strings.IndexByte("BKMGTPE", unit[0])
	if rest := unit[1:]; power < 0 || rest != "" && (power == 0 || rest != "B" && rest != "IB") {
		return 0, false
	}
	n = math.Ldexp(n, 10*power)
	return uint64(n), n < math.MaxUint64
}

// ofDestination returns the properties that are listed of the destination. Those of users and groups are no columns of a list.
func (o *Options) ofDestination() []string {
	list := []string{PlaceholderProperty}
	for name := range o.Set {
		if name != PlaceholderProperty && !strings.Contains(name, "@") {
			list = append(list, name)
		}
	}
	slices.Sort(list[1:])
	return list
}

// denied returns those of Options.Set that zfs receive wasn't permitted to set, by its warnings.
func (o *Options) denied(steps []Result) (names []string) {
	for name := range o.Set {
		if slices.ContainsFunc(steps, func(r Result) bool { return strings.Contains(r.Warnings, "cannot receive "+name+" property") }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// missed returns the properties that a copy may lack.
func (x *execution) missed(d *DatasetResult) []string {
	list := slices.Concat(x.Options.denied(d.Steps), d.Plan.differing)
	slices.Sort(list)
	return slices.Compact(list)
}

// properties looks whether copies lack what they seem to lack: a zfs process for each.
func (x *execution) properties(ctx context.Context, list []*DatasetResult) {
	if len(list) == 0 {
		return
	}
	g, _ := trace.WithTaskGroup(ctx, "check properties")
	g.SetLimit(x.Options.workers())
	errs := make([]error, len(list))
	for i, d := range list {
		g.Go("check", func(ctx context.Context) error {
			d.Err, errs[i] = x.lacks(ctx, d)
			return nil
		})
	}
	g.Wait()
	for _, err := range errs {
		x.warn(err)
	}
}

// lacks returns what a copy lacks, nil if that is nothing. What stands on the dataset itself was set, be it by somebody since it was made.
func (x *execution) lacks(ctx context.Context, d *DatasetResult) (lacking, err error) {
	names, to, denied := x.missed(d), d.Plan.Destination, x.Options.denied(d.Steps)
	have, err := x.destination().Properties(ctx, to, names...)
	if err != nil {
		return nil, fmt.Errorf("look whether properties were set: %w", err)
	}
	for _, name := range names {
		e := &PropertyError{Dataset: to, Name: name, Want: x.Options.Set[name], Got: "-", Denied: slices.Contains(denied, name)}
		got, isSet := have[name]
		if !isSet && isUserProperty(name) {
			return e, nil
		}
		inherits := got.Source == zfssend.SourceDefault || got.Source == zfssend.SourceInherited || got.Source == zfssend.SourceReceived
		if isSet && inherits && !sameValue(e.Want, got.Value) {
			e.Got = got.Value
			return e, nil
		}
	}
	return nil, nil
}
