package zfssend

import (
	"context"
	"errors"
	"strings"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// resume returns the arguments that continue the stream that o describes, and what that has to be then.
func (o SendOptions) resume(snapshot Name) (args []string, expect *Expect, err error) {
	token, err := zstream.ParseToken(o.Token)
	if err != nil {
		return nil, nil, &Error{Op: opSend, Object: snapshot.String(), ExitCode: -1, Cause: ResumeStale, Err: err}
	}
	if o.Intermediates || o.Properties || o.Replicate || o.Holds {
		return nil, nil, errors.New("send " + snapshot.String() + ": a token continues the stream of one snapshot, without properties and holds")
	}
	if err := o.compare(token, snapshot); err != nil {
		return nil, nil, &Error{Op: opSend, Object: snapshot.String(), ExitCode: -1, Cause: Unexpected, Err: err}
	}
	expect = &Expect{ToName: snapshot.String(), ToGUID: token.ToGUID, FromGUID: token.FromGUID, Raw: token.Raw}
	return append(o.flags(), "-t", o.Token), expect, nil
}

// confirm compares the GUIDs that a token expects with those of the snapshot and its base, unless the caller has said which they
// are: zfs finds a snapshot by them, in all of the pool, whatever name the token has.
func (c *Client) confirm(ctx context.Context, snapshot Name, o SendOptions, expect *Expect) error {
	if o.Expect != nil && o.Expect.ToGUID != 0 {
		return nil
	}
	base, err := o.base(snapshot)
	if err != nil {
		return err
	}
	names := []string{snapshot.String()}
	if base != (Name{}) {
		names = append(names, base.String())
	}
	guids, err := c.guids(ctx, names)
	if errors.Is(err, NotFound) { // zfs send -t would find out by itself, but only after half a minute
		return &Error{Op: opSend, Object: snapshot.String(), ExitCode: -1, Cause: ResumeStale, Err: err}
	}
	if err != nil {
		return err
	}
	known := Expect{ToGUID: guids[snapshot.String()], FromGUID: guids[base.String()]}
	if err := known.ofToken(expect.ToGUID, expect.FromGUID); err != nil {
		return &Error{Op: opSend, Object: snapshot.String(), ExitCode: -1, Cause: Unexpected, Err: err}
	}
	return nil
}

// ofToken compares the GUIDs in a token.
func (e *Expect) ofToken(to, from uint64) error {
	switch {
	case to != e.ToGUID:
		return &ExpectError{"resume token", "snapshot's GUID", to, e.ToGUID}
	case from != e.FromGUID:
		return &ExpectError{"resume token", "base's GUID", from, e.FromGUID}
	}
	return nil
}

// compare compares a token with the stream that it is to continue.
func (o SendOptions) compare(token zstream.Token, snapshot Name) error {
	full := o.From == ""
	allowed := func(flag bool) bool { return flag || o.Raw } // raw blocks are whatever they are
	for _, check := range []struct {
		what      string
		got, want any
		ok        bool
	}{
		{"snapshot", token.ToName, snapshot.String(), token.ToName == snapshot.String()},
		{"base", kindOf(token.FromGUID == 0), kindOf(full), (token.FromGUID == 0) == full},
		{"encoding", encoding(token.Raw), encoding(o.Raw), token.Raw == o.Raw},
		{"large blocks", token.LargeBlocks, o.LargeBlock, !token.LargeBlocks || allowed(o.LargeBlock)},
		{"embedded blocks", token.Embedded, o.Embedded, !token.Embedded || allowed(o.Embedded)},
		{"compressed blocks", token.Compressed, o.Compressed, !token.Compressed || allowed(o.Compressed)},
		{"saved state", token.Saved, false, !token.Saved},
		{"unknown parts", token.Unknown, "none", len(token.Unknown) == 0},
		{"redaction of the base", len(token.BookmarkRedactSnapshots) > 0, false,
			len(token.BookmarkRedactSnapshots) == 0 || strings.Contains(o.From, "#")},
		{"redaction", len(token.RedactSnapshots) > 0, o.Redact != "", (len(token.RedactSnapshots) > 0) == (o.Redact != "")},
	} {
		if !check.ok {
			return &ExpectError{Of: "resume token", What: check.what, Got: check.got, Want: check.want}
		}
	}
	if o.Expect == nil || o.Expect.ToGUID == 0 {
		return nil
	}
	return o.Expect.ofToken(token.ToGUID, token.FromGUID)
}

func kindOf(full bool) string {
	if full {
		return "none"
	}
	return "a snapshot or bookmark"
}
