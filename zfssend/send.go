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
}

// Send starts zfs send of a snapshot. The stream runs until it is read to its end or closed, or ctx is done.
//
// Beware of sending an encrypted dataset without Raw: its stream is plain text.
func (c *Client) Send(ctx context.Context, snapshot string, o SendOptions) (*SendStream, error) {
	name, err := parse(snapshot, '@')
	if err != nil {
		return nil, err
	}
	args, err := o.args(name)
	if err != nil {
		return nil, err
	}
	return newSendStream(ctx, c, snapshot, args)
}

func (o SendOptions) args(snapshot Name) ([]string, error) {
	var args []string
	for _, flag := range []struct {
		set  bool
		name string
	}{{o.Raw, "-w"}, {o.LargeBlock, "-L"}, {o.Embedded, "-e"}, {o.Compressed, "-c"}, {o.Properties, "-p"}} {
		if flag.set {
			args = append(args, flag.name)
		}
	}
	if o.From == "" {
		if o.Intermediates {
			return nil, errors.New("send " + snapshot.String() + ": Intermediates needs From")
		}
		return append(args, snapshot.String()), nil
	}
	from := o.From
	if strings.IndexAny(from, "@#") == 0 {
		from = snapshot.Dataset + from
	}
	base, err := parse(from, '@', '#')
	if err != nil {
		return nil, err
	}
	flag := "-i"
	if o.Intermediates {
		if base.Sigil == '#' {
			return nil, errors.New("send " + snapshot.String() + ": zfs can't send the snapshots since a bookmark, only one of them")
		}
		flag = "-I"
	}
	return append(args, flag, from, snapshot.String()), nil
}
