package zfssend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// UserHold is one hold of a snapshot, which keeps it from being destroyed.
type UserHold struct {
	Snapshot string
	Tag      string
	Created  time.Time // to the minute, as zfs writes it; in the time zone of the process, which must be that of zfs
}

const opHold, opRelease, opHolds = "hold", "release", "holds"

// Hold holds snapshots. That one is held with this tag already is no error. The error is a *[BatchError], or, before
// anything was done, a *[NameError].
//
// It takes one zfs process as long as all fits into 256 KiB. zfs holds one snapshot after the other, each in a
// transaction group of its own, so that thousands take a while.
func (c *Client) Hold(ctx context.Context, tag string, snapshots ...string) error {
	if strings.HasPrefix(tag, ".") {
		return &NameError{Name: tag, Reason: "the tag of a hold can't begin with a dot"}
	}
	return c.holdOrRelease(ctx, opHold, "tag already exists", tag, snapshots)
}

// Release releases what Hold held. That a snapshot has no hold with this tag is no error, but that there is no such
// snapshot is: it Is [NotFound]. The error is a *[BatchError], or, before anything was done, a *[NameError].
//
// Releasing a snapshot for which somebody has asked "zfs destroy -d" destroys it.
func (c *Client) Release(ctx context.Context, tag string, snapshots ...string) error {
	return c.holdOrRelease(ctx, opRelease, "no such tag", tag, snapshots)
}

// checkTag checks the tag of a hold. zfs itself forbids little: dsl_userhold.c wants less than 256 bytes.
func checkTag(tag string) error {
	switch {
	case tag == "":
		return &NameError{Name: tag, Reason: "the tag of a hold can't be empty"}
	case len(tag) > 255:
		return &NameError{Name: tag, Reason: fmt.Sprintf("%d bytes are more than the 255 that zfs allows in the tag of a hold", len(tag))}
	case strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &NameError{Name: tag, Reason: "the tag of a hold can't have control characters"}
	}
	return nil
}

// holdOrRelease runs op, for which settled is what zfs says if the result is there already.
func (c *Client) holdOrRelease(ctx context.Context, op, settled, tag string, snapshots []string) error {
	if err := checkTag(tag); err != nil {
		return err
	}
	if err := checkNames(snapshots, '@'); err != nil {
		return err
	}
	b := newBatch(op, len(snapshots))
	for _, part := range chunks(unique(snapshots)) {
		if !b.stop(ctx, part) {
			c.holdPart(ctx, b, settled, tag, part)
		}
	}
	return c.finish(ctx, b)
}

// holdPart runs one process.
func (c *Client) holdPart(ctx context.Context, b *batch, settled, tag string, names []string) {
	var open []complaint // of what isn't settled
	r, err := c.answer(ctx, command{
		op: b.err.Op, object: objectOf(names), args: append([]string{"--", tag}, names...),
		settled: func(e *Error, r reply) bool {
			all := complaints(r.stderr, among(names))
			open = slices.DeleteFunc(slices.Clone(all), func(c complaint) bool { return strings.Contains(c.message, settled) })
			return e.ExitCode == 1 && !r.cut && len(all) > 0 && len(open) == 0
		},
	})
	if err == nil {
		return
	}
	e := asError(err)
	about, rest := blame(open, names)
	switch {
	case e.ExitCode == 1 && r.cut:
		b.failCut(names, e)
		return
	case e.ExitCode != 1 || len(about) == 0 && len(rest) == 0:
		b.failAll(names, e)
		return
	}
	// "cannot hold: permission denied" names no snapshot, but there is one such line for each.
	unknown := slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, ok := about[name]; return ok })
	if len(rest) > 0 && len(rest) < len(unknown) {
		unknown = c.withHold(ctx, tag, unknown, b.err.Op == opRelease)
	}
	for _, name := range unknown {
		if len(rest) > 0 {
			about[name] = rest[0]
		}
	}
	b.failAbout(names, about, e)
}

// withHold returns those snapshots that have the hold, or those that haven't got it; all if that can't be found out.
func (c *Client) withHold(ctx context.Context, tag string, snapshots []string, want bool) []string {
	holds, err := c.Holds(ctx, snapshots...)
	if err != nil {
		return snapshots
	}
	held := make(map[string]bool)
	for _, h := range holds {
		if h.Tag == tag {
			held[h.Snapshot] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(snapshots), func(name string) bool { return held[name] != want })
}

// Holds returns the holds of snapshots. The error is a *[NameError], or a *[BatchError], which Is [NotFound] if there
// are no such snapshots; the holds of all others are returned all the same. It takes one zfs process as long as all
// names fit into 256 KiB.
func (c *Client) Holds(ctx context.Context, snapshots ...string) ([]UserHold, error) {
	if err := checkNames(snapshots, '@'); err != nil {
		return nil, err
	}
	var holds []UserHold
	b := newBatch(opHolds, len(snapshots))
	for _, part := range chunks(unique(snapshots)) {
		if b.stop(ctx, part) {
			continue
		}
		r, err := c.answer(ctx, command{op: opHolds, object: objectOf(part), args: append([]string{"-H"}, part...)})
		if err != nil {
			e := asError(err)
			about, rest := blame(complaints(r.stderr, among(part)), part)
			if e.ExitCode != 1 || len(about) == 0 || len(rest) > 0 || r.cut {
				b.failAll(part, e)
				continue
			}
			b.failAbout(part, about, e)
		}
		list, err := parseHolds(string(r.out), part)
		if err != nil {
			return holds, fmt.Errorf("holds %s: %w", objectOf(part), err)
		}
		holds = append(holds, list...)
	}
	return holds, c.finish(ctx, b)
}

// parseHolds parses the output of zfs holds -H about these snapshots: name, tag and time, with tabs between them. The
// tag may hold anything, tabs and line breaks included, if somebody else set it.
func parseHolds(out string, snapshots []string) ([]UserHold, error) {
	known := make(map[string]bool, len(snapshots))
	for _, name := range snapshots {
		known[name] = true
	}
	var holds []UserHold
	record, line := "", 0
	for text := range strings.Lines(out) {
		line++
		if record += text; !strings.HasSuffix(text, "\n") {
			break // it was cut
		}
		name, rest, _ := strings.Cut(record[:len(record)-1], "\t")
		if !known[name] {
			return nil, fmt.Errorf("line %d of its output: %.200q is not what was asked for", line, name)
		}
		i := strings.LastIndexByte(rest, '\t')
		if i < 0 {
			continue // the tag goes on in the next line
		}
		// "Mon Nov 23 18:46 2026": strftime's "%a %b %e %k:%M %Y", which pads with spaces.
		created, err := time.ParseInLocation("Mon Jan 2 15:04 2006", strings.Join(strings.Fields(rest[i+1:]), " "), time.Local)
		if err != nil {
			continue
		}
		holds = append(holds, UserHold{Snapshot: name, Tag: rest[:i], Created: created})
		record = ""
	}
	if record != "" {
		return nil, fmt.Errorf("line %d of its output is incomplete: %.200q", line, record)
	}
	return holds, nil
}
