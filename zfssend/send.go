package zfssend

import (
	"context"
	"errors"
	"strings"
)

// SendOptions say what a stream contains. The zero value is a full stream of a snapshot, without properties, as
// ZFS versions of all ages can receive it.
type SendOptions struct {
	// From makes the stream incremental from that snapshot or bookmark: "@mon" or "#mon" of the same dataset, or the
	// full name of a clone's origin.
	From string
	// Intermediates includes the snapshots between From, which must be a snapshot, and the one that is sent (-I).
	Intermediates bool

	Raw        bool // blocks as they are on disk, encrypted ones without being decrypted (-w)
	LargeBlock bool // blocks over 128 KiB as they are (-L)
	Embedded   bool // blocks that are embedded in their pointers as they are (-e)
	Compressed bool // compressed blocks as they are (-c)
	Properties bool // the dataset's properties, too (-p)
	Replicate  bool // the datasets below, too, with their snapshots and properties (-R)
	Holds      bool // the snapshots' holds, too (-h)

	// Redact leaves out what the redaction bookmark of that name says, such as "public" (--redact).
	Redact string

	// Token continues a stream that was interrupted: the destination's receive_resume_token. It is decoded and compared with the
	// snapshot and all that is said here, since a token chooses what is sent, and whether it is encrypted
	// (openzfs#14153). The error Is [Unexpected] if it isn't a token of that stream. It takes a zfs process more to ask for the
	// GUIDs, unless Expect has them.
	Token string

	// Verify checks the stream's checksums and its structure on the way: that it is whole and is what zfs meant to send. Its
	// last record, on which a receiver commits, is then held back until zfs has exited with 0. Without it, a receiver may
	// have committed when an error tells that zfs send has failed.
	Verify bool
	// Expect, if not nil, is what the stream has to be. Another one is refused before any of it comes out. Of a package that
	// isn't verified, only that it is one is looked at.
	Expect *Expect
}

// Send starts zfs send of a snapshot. The stream runs until it is read to its end or closed, or ctx is done.
//
// Beware of sending an encrypted dataset without Raw: its stream is plain text.
func (c *Client) Send(ctx context.Context, snapshot string, o SendOptions) (*SendStream, error) {
	name, err := parse(snapshot, '@')
	if err != nil {
		return nil, err
	}
	var args []string
	if o.Token == "" {
		args, err = o.args(name)
	} else {
		var expect *Expect
		if args, expect, err = o.resume(name); err == nil {
			err = c.confirm(ctx, name, o, expect)
		}
		o.Expect = expect
	}
	if err != nil {
		return nil, err
	}
	return newSendStream(ctx, c, snapshot, args, o)
}

// flags returns the options that say how a stream is encoded. They are those that may go with a token.
func (o SendOptions) flags() []string {
	var flags []string
	for _, flag := range []struct {
		set  bool
		name string
	}{{o.Raw, "-w"}, {o.LargeBlock, "-L"}, {o.Embedded, "-e"}, {o.Compressed, "-c"}} {
		if flag.set {
			flags = append(flags, flag.name)
		}
	}
	return flags
}

// base returns what the stream is incremental from, with its full name; an empty one if it is full.
func (o SendOptions) base(snapshot Name) (Name, error) {
	from := o.From
	if from == "" {
		return Name{}, nil
	}
	if strings.IndexAny(from, "@#") == 0 {
		from = snapshot.Dataset + from
	}
	return parse(from, '@', '#')
}

func (o SendOptions) args(snapshot Name) ([]string, error) {
	args := o.flags()
	for _, flag := range []struct {
		set  bool
		name string
	}{{o.Properties, "-p"}, {o.Replicate, "-R"}, {o.Holds, "-h"}} {
		if flag.set {
			args = append(args, flag.name)
		}
	}
	if o.Redact != "" {
		if reason := checkComponent(o.Redact); reason != "" {
			return nil, &NameError{Name: o.Redact, Reason: reason}
		}
		args = append(args, "--redact", o.Redact)
	}
	base, err := o.base(snapshot)
	switch {
	case err != nil:
		return nil, err
	case base == (Name{}) && o.Intermediates:
		return nil, errors.New("send " + snapshot.String() + ": Intermediates needs From")
	case base == (Name{}):
		return append(args, snapshot.String()), nil
	case o.Intermediates && base.Sigil == '#':
		return nil, errors.New("send " + snapshot.String() + ": zfs can't send the snapshots since a bookmark, only one of them")
	case o.Intermediates:
		return append(args, "-I", base.String(), snapshot.String()), nil
	default:
		return append(args, "-i", base.String(), snapshot.String()), nil
	}
}
