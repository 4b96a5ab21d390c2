package zfssend

import (
	"errors"

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
	expect = &Expect{ToGUID: token.ToGUID, FromGUID: token.FromGUID, Raw: token.Raw}
	return append(o.flags(), "-t", o.Token), expect, nil
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
		{"redaction", len(token.RedactSnapshots) > 0, o.Redact != "", (len(token.RedactSnapshots) > 0) == (o.Redact != "")},
	} {
		if !check.ok {
			return &ExpectError{Of: "resume token", What: check.what, Got: check.got, Want: check.want}
		}
	}
	e := o.Expect
	switch {
	case e == nil || e.ToGUID == 0:
	case token.ToGUID != e.ToGUID:
		return &ExpectError{"resume token", "snapshot's GUID", token.ToGUID, e.ToGUID}
	case token.FromGUID != e.FromGUID:
		return &ExpectError{"resume token", "base's GUID", token.FromGUID, e.FromGUID}
	}
	return nil
}

func kindOf(full bool) string {
	if full {
		return "none"
	}
	return "a snapshot or bookmark"
}
