package zfssend

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// ErrTransport is matched by the errors of a [Host] that say that the connection to it failed, so that what became of a request
// isn't known.
var ErrTransport = errors.New("the connection to another host failed")

// Host is a host's ZFS: this one's ([Client.Host]), or another one's, which package remote reaches. Its methods are those of
// [Client], with the same errors, also where they come from elsewhere. It may be used concurrently.
type Host interface {
	List(ctx context.Context, name string, o ListOptions) ([]Dataset, error)
	Properties(ctx context.Context, name string, properties ...string) (map[string]Property, error)
	GUIDs(ctx context.Context, names ...string) (map[string]uint64, error)
	Holds(ctx context.Context, snapshots ...string) ([]UserHold, error)
	Estimate(ctx context.Context, snapshot string, o SendOptions) (Estimate, error)

	Snapshot(ctx context.Context, names ...string) error
	Bookmark(ctx context.Context, bookmarks ...Bookmark) error
	Hold(ctx context.Context, tag string, snapshots ...string) error
	Release(ctx context.Context, tag string, snapshots ...string) error
	DestroyWith(ctx context.Context, o DestroyOptions, names ...string) error
	Create(ctx context.Context, name string, o CreateOptions) error
	Rollback(ctx context.Context, snapshot string) error
	SetProperties(ctx context.Context, name string, values map[string]string) error
	Inherit(ctx context.Context, property string, names ...string) error
	AbortReceive(ctx context.Context, dataset string) error

	// Lock locks a dataset, or a tree of them, on that host, until it is closed or the connection ends.
	Lock(ctx context.Context, dataset string, tree bool) (io.Closer, error)

	// Send and Receive are as those of Client. A stream that one host sends can be the input of any host's Receive.
	Send(ctx context.Context, snapshot string, o SendOptions) (Sender, error)
	Receive(ctx context.Context, dataset string, input io.ReadCloser, o ReceiveOptions) (Receiver, error)
}

// Sender is a running zfs send: a [SendStream], or one of another host. Its methods are as that one's.
type Sender interface {
	io.ReadCloser
	Stream
}

// Receiver is a running zfs receive: a [Receive], or one of another host. Its methods are as that one's.
type Receiver interface {
	Wait() error
	Close() error
	Stream
}

// Stream is what both ends of a stream have.
type Stream interface {
	State() State
	Err() error
	Stats() Stats
	Stderr() string
	Begin() *zstream.Begin
	Done() <-chan struct{}
}

// Host returns the client as a Host.
func (c *Client) Host() Host { return local{c} }

// local is a Client whose streams are interfaces.
type local struct{ *Client }

func (l local) Send(ctx context.Context, snapshot string, o SendOptions) (Sender, error) {
	s, err := l.Client.Send(ctx, snapshot, o)
	if err != nil {
		return nil, err // and no *SendStream that is nil
	}
	return s, nil
}

func (l local) Receive(ctx context.Context, dataset string, input io.ReadCloser, o ReceiveOptions) (Receiver, error) {
	r, err := l.Client.Receive(ctx, dataset, input, o)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// SameHost reports whether two hosts are known to be the same one: a name means the same dataset on both.
func SameHost(a, b Host) bool {
	x, ok := a.(local)
	y, both := b.(local)
	if ok && both {
		return slices.Equal(x.Command, y.Command)
	}
	return a == b
}
