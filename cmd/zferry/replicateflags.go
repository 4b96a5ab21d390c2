package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/internal/bytesize"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// replicateFlags are those that say what a replication does.
type replicateFlags struct {
	recursive                          bool
	include, exclude                   []string
	includeSnapshots, excludeSnapshots []string
	excludeProperties                  []string

	newest, plaintext                      bool
	noLargeBlock, noEmbedded, noCompressed bool
	properties, mount                      bool
	set, ignore                            []string
	rollback, destroyDiverged              bool
	verify                                 bool
	cursor, hold                           string
	jobs                                   int
	limit                                  string
	retries                                int
	stall, deadline                        time.Duration
}

func (f *replicateFlags) add(flags *pflag.FlagSet) {
	flags.BoolVarP(&f.recursive, "recursive", "r", false, "also the datasets below SOURCE, to the same places below DESTINATION")
	flags.StringArrayVar(&f.include, "include", nil, "of them, only those that match `GLOB`, and what is below those; may be repeated")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out those that match `GLOB`, and what is below those; may be repeated")
	flags.StringArrayVar(&f.excludeProperties, "exclude-property", nil, "leave out datasets that have the property `NAME=VALUE`, such as zferry:replicate=off; may be repeated")
	flags.StringArrayVar(&f.includeSnapshots, "include-snapshots", nil, "only snapshots whose names match `GLOB`; may be repeated")
	flags.StringArrayVar(&f.excludeSnapshots, "exclude-snapshots", nil, "leave out snapshots whose names match `GLOB`; may be repeated")

	flags.BoolVar(&f.newest, "newest", false, "a new destination gets the newest snapshot alone, and not all there are")
	flags.BoolVar(&f.plaintext, "allow-plaintext", false, "send encrypted datasets decrypted, if their keys are loaded, and not raw")
	flags.BoolVar(&f.noLargeBlock, "no-large-blocks", false, "send without -L, for a receiver that is too old for blocks over 128 KiB")
	flags.BoolVar(&f.noEmbedded, "no-embedded", false, "send without -e, for a receiver that is too old for embedded blocks")
	flags.BoolVar(&f.noCompressed, "no-compressed", false, "send without -c: blocks are decompressed, and compressed anew as the receiver has it")

	flags.BoolVarP(&f.properties, "properties", "p", false, "send the datasets' properties, too")
	flags.StringArrayVarP(&f.set, "set", "o", nil, "set the property `NAME=VALUE` on new datasets, such as compression=zstd, and fail for copies that were made without it; may be repeated")
	flags.StringArrayVarP(&f.ignore, "ignore", "x", nil, "don't take the property `NAME` from the stream; may be repeated")
	flags.BoolVar(&f.mount, "mount", false, "mount what is received, at the mount points that it has or inherits")

	flags.BoolVar(&f.rollback, "rollback", false, "discard what was changed on a destination since its newest snapshot, where it is in the way")
	flags.BoolVar(&f.destroyDiverged, "destroy-diverged", false, "destroy snapshots of a destination that are newer than the newest common one")

	flags.BoolVar(&f.verify, "verify", false, "check the streams' checksums on the way, and let no snapshot arrive before zfs send has succeeded")
	flags.StringVar(&f.cursor, "cursor", "", "leave bookmarks #zferry_`NAME`_… on SOURCE, from which the next increment can start if its snapshots are destroyed")
	flags.StringVar(&f.hold, "hold", "", "hold the newest common snapshots on both sides by this `TAG`, and release the former ones")
	flags.IntVarP(&f.jobs, "jobs", "j", replicate.DefaultWorkers, "let `N` streams flow at a time; up to twice as many datasets more may wait until what they got is written")
	flags.StringVar(&f.limit, "limit", "", "send no more than `RATE` bytes per second in all, such as 50MB")
	flags.IntVar(&f.retries, "retries", 2, "try a dataset up to `N` times again, after a pause, if a failure may pass, such as a lost connection; what got further doesn't count")
	flags.DurationVar(&f.stall, "stall-timeout", 0, "give up when zfs does nothing for this `TIME`, such as 30m; 0 waits for ever")
	flags.DurationVar(&f.deadline, "deadline", 0, "stop after this `TIME`, such as 8h; what has arrived by then stays")
}

// options returns what the flags mean.
func (f *replicateFlags) options() (o replicate.Options, err error) {
	o = replicate.Options{
		Recursive: f.recursive, Newest: f.newest, Plaintext: f.plaintext,
		NoLargeBlock: f.noLargeBlock, NoEmbedded: f.noEmbedded, NoCompressed: f.noCompressed,
		Properties: f.properties, Exclude: f.ignore, Mount: f.mount,
		Rollback: f.rollback, DestroyDiverged: f.destroyDiverged,
		Verify: f.verify, Cursor: f.cursor, Hold: f.hold, Workers: f.jobs, Retries: f.retries,
	}
	var errs []error
	globs := func(flag string, texts []string) (list []replicate.Glob) {
		for _, text := range texts {
			g, err := replicate.ParseGlob(text)
			if err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
			}
			list = append(list, g)
		}
		return list
	}
	o.Filter.Include, o.Filter.Exclude = globs("include", f.include), globs("exclude", f.exclude)
	o.Filter.IncludeSnapshots = globs("include-snapshots", f.includeSnapshots)
	o.Filter.ExcludeSnapshots = globs("exclude-snapshots", f.excludeSnapshots)
	pairs := func(flag string, texts []string) map[string]string {
		values := make(map[string]string)
		for _, text := range texts {
			name, value, ok := strings.Cut(text, "=")
			if !ok || name == "" {
				errs = append(errs, fmt.Errorf("--%s %q: want NAME=VALUE", flag, text))
			}
			values[name] = value
		}
		return values
	}
	o.Filter.ExcludeProperties, o.Set = pairs("exclude-property", f.excludeProperties), pairs("set", f.set)
	if f.limit != "" {
		rate, err := bytesize.Parse(f.limit)
		if err != nil || rate == 0 {
			errs = append(errs, fmt.Errorf("--limit %q: want a number of bytes per second, such as 50MB", f.limit))
		}
		o.Limit = replicate.NewLimiter(rate)
	}
	return o, errors.Join(append(errs, f.check())...)
}

// check finds values that make no sense.
func (f *replicateFlags) check() error {
	switch {
	case f.stall < 0:
		return fmt.Errorf("--stall-timeout %v: want a time that isn't negative", f.stall)
	case f.deadline < 0:
		return fmt.Errorf("--deadline %v: want a time that isn't negative", f.deadline)
	case f.jobs < 1:
		return fmt.Errorf("--jobs %d: want 1 or more", f.jobs)
	case f.retries < 0:
		return fmt.Errorf("--retries %d: want 0 or more", f.retries)
	case !f.recursive && len(f.include)+len(f.exclude)+len(f.excludeProperties) > 0:
		return errors.New("--include, --exclude and --exclude-property select datasets below SOURCE: they need --recursive")
	}
	if f.cursor != "" {
		_, err := zfssend.ParseName("pool" + replicate.CursorName(f.cursor, 0))
		return err
	}
	return nil
}
