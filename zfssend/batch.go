package zfssend

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Failure is what became of one part of a batch.
type Failure struct {
	Name    string // the dataset, snapshot or bookmark, as it was given
	Cause   Cause
	Message string // what zfs said about it, in one line

	// Uncertain says that it may have been done nevertheless: zfs was running, and was ended before it could tell, by a
	// cancellation or otherwise, or has not ended yet ([ErrAbandoned]).
	Uncertain bool
}

// String returns name and message.
func (f Failure) String() string { return f.Name + ": " + f.Message }

// BatchError says what of a batch was not done. Everything else was. What is [Failure.Uncertain] may have been done, too,
// which it can be after a cancellation.
//
// It unwraps to the causes of all failures, so that errors.Is(err, zfssend.Held) asks whether there is such a one, and
// to the *[Error] of each zfs process that failed.
type BatchError struct {
	Op        string // the subcommand
	Total     int    // the size of the batch
	Failed    []Failure
	Processes []*Error
}

// Error returns one line, which names at most three failures.
func (e *BatchError) Error() string {
	const most = 3
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Total > 1 {
		fmt.Fprintf(&b, ": %d of %d failed", len(e.Failed), e.Total)
	}
	separator := ": "
	if e.Total == 1 {
		separator = " "
	}
	for i, f := range e.Failed {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(e.Failed)-most)
			break
		}
		b.WriteString(separator + f.String())
		separator = "; "
	}
	for _, p := range e.Processes {
		if hint := p.permissions(); hint != "" {
			b.WriteString(hint)
			break
		}
	}
	return b.String()
}

// Unwrap returns the causes, each once, and the errors of processes.
func (e *BatchError) Unwrap() []error {
	var errs []error
	for _, f := range e.Failed {
		if f.Cause != Unknown && !slices.Contains(errs, error(f.Cause)) {
			errs = append(errs, f.Cause)
		}
	}
	for _, p := range e.Processes {
		errs = append(errs, p)
	}
	return errs
}

// batch collects what fails of one.
type batch struct {
	err    BatchError
	needs  []string // the permissions that all of it needs; nil means what the subcommand does
	denied []denial // to be explained: see Client.finish
}

func newBatch(op string, total int) *batch { return &batch{err: BatchError{Op: op, Total: total}} }

// fail notes a failure.
func (b *batch) fail(name string, cause Cause, message string) {
	b.err.Failed = append(b.err.Failed, Failure{Name: name, Cause: cause, Message: message})
}

// process notes that a process failed. The cause of its error becomes that of the failures which it stands for: its
// stderr may tell also of what isn't one.
func (b *batch) process(e *Error, first Cause) {
	if e.Cause != Canceled {
		e.Cause = first
	}
	b.err.Processes = append(b.err.Processes, e)
}

// failAbout notes that a process failed with these complaints, and did the rest of names.
func (b *batch) failAbout(names []string, about map[string]complaint, e *Error) {
	first, denied := Unknown, ""
	for _, name := range names {
		c, ok := about[name]
		if !ok {
			continue
		}
		b.fail(name, c.cause, c.message)
		if c.cause != NotTried {
			first = cmp.Or(first, c.cause)
		}
		if c.cause == PermissionDenied && denied == "" {
			denied = name
		}
	}
	b.process(e, first)
	if e.Cause == PermissionDenied && denied != "" {
		b.denied = append(b.denied, denial{e, []string{denied}})
	}
}

// failAll notes that a process failed before it was clear what it did: all of these count as not done.
func (b *batch) failAll(names []string, e *Error) {
	message := e.reason()
	if list := complaints(e.Stderr, among(names)); len(list) > 0 && e.Cause != Canceled {
		message = list[max(slices.IndexFunc(list, func(c complaint) bool { return c.cause == e.Cause }), 0)].message
	}
	// zfs exits with 1, or 2 if it didn't understand its arguments. A look beforehand changes nothing.
	uncertain := e.PID != 0 && e.Op != opGet && (e.Cause == Canceled || e.ExitCode != 1 && e.ExitCode != 2)
	for _, name := range names {
		b.err.Failed = append(b.err.Failed, Failure{Name: name, Cause: e.Cause, Message: message, Uncertain: uncertain})
	}
	b.process(e, e.Cause)
	if e.Cause == PermissionDenied {
		b.denied = append(b.denied, denial{e, names})
	}
}

// failCut notes that a process complained of more than is kept, so that it isn't known about what.
func (b *batch) failCut(names []string, e *Error) {
	if e.Cause != Canceled {
		e.Cause = Unknown // it may be that of any of them
	}
	const message = "zfs complained of so much that it isn't known about what"
	for _, name := range names {
		b.err.Failed = append(b.err.Failed, Failure{Name: name, Cause: e.Cause, Message: message, Uncertain: true})
	}
	b.process(e, e.Cause)
}

// stop notes what is left after a cancellation, and reports whether there is one.
func (b *batch) stop(ctx context.Context, left []string) bool {
	if ctx.Err() == nil {
		return false
	}
	for _, name := range left {
		b.fail(name, Canceled, "not tried: "+context.Cause(ctx).Error())
	}
	if len(left) > 0 {
		b.process(&Error{Op: b.err.Op, Object: left[0], ExitCode: -1, Cause: Canceled, Err: context.Cause(ctx)}, Canceled)
	}
	return true
}

// finish returns the error of a batch, nil if there was no failure, with what was lacking if something was denied.
func (c *Client) finish(ctx context.Context, b *batch) error {
	c.explainBatch(ctx, b)
	return b.result()
}

// result returns the error, nil if there was no failure.
func (b *batch) result() error {
	if len(b.err.Failed) == 0 {
		return nil
	}
	return &b.err
}

// What a process is given at most. Linux allows 128 KiB for one argument and, unless the stack is limited, 2 MiB for
// all and the environment; FreeBSD 512 KiB for all. Each argument takes a pointer, too.
const (
	maxArgument  = 64 << 10
	maxArguments = 256 << 10
	pointerSize  = 8
)

// chunks splits names so that each part fits into a command line.
func chunks(names []string) [][]string {
	return split(names, maxArguments, 1+pointerSize)
}

// split splits names into parts whose lengths, with so many bytes for each name, stay below a limit.
func split(names []string, limit, each int) [][]string {
	var parts [][]string
	start, size := 0, 0
	for i, name := range names {
		if size += len(name) + each; size > limit && i > start {
			parts = append(parts, names[start:i])
			start, size = i, len(name)+each
		}
	}
	if start < len(names) {
		parts = append(parts, names[start:])
	}
	return parts
}

// grouped returns names in groups of the same key, in the order in which each group begins. A name that is given twice
// is there once.
func grouped(names []string, key func(name string) string) [][]string {
	var groups [][]string
	index := make(map[string]int)
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		k := key(name)
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], name)
	}
	return groups
}

// unique returns names without repetitions.
func unique(names []string) []string {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		twice := seen[name]
		seen[name] = true
		return twice
	})
}

// checkNames checks that each name has one of these sigils.
func checkNames(names []string, sigils ...byte) error {
	for _, name := range names {
		if _, err := parse(name, sigils...); err != nil {
			return err
		}
	}
	return nil
}

// datasetOf returns the dataset of a valid name.
func datasetOf(name string) string {
	if i := strings.IndexAny(name, "@#"); i >= 0 {
		return name[:i]
	}
	return name
}

// poolOf returns the pool of a valid name.
func poolOf(name string) string {
	if i := strings.IndexAny(name, "/@#"); i >= 0 {
		return name[:i]
	}
	return name
}

// objectOf returns what an error and a span about several names say.
func objectOf(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}
