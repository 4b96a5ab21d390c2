package suite

import (
	"errors"
	"io"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// TestAbortReceive discards the state of an interrupted receive, and with it a dataset that has nothing else.
func TestAbortReceive(t *testing.T) {
	ctx := platform(t)
	dataset := destination().name + "/aborted"
	s := send(t, ctx)
	cut := &cutStream{SendStream: s, left: 4 << 20}
	r, err := zfs.Receive(ctx, dataset, cut, zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Wait()
	e, ok := errors.AsType[*zfssend.Error](err)
	if !ok || e.Cause != zfssend.BadStream || e.Token == "" {
		t.Fatalf("a stream that was cut: %v", err)
	}
	d, err := zfs.Dataset(ctx, dataset)
	if err != nil || d.ResumeToken != e.Token {
		t.Errorf("%v, %v; the error's token is %s", d, err, e.Token)
	}
	for range 2 {
		err = zfs.AbortReceive(ctx, dataset)
		if errors.Is(err, zfssend.NotFound) {
			break
		}
		if err != nil {
			t.Errorf("AbortReceive: %v", err)
		}
	}
	if _, err := zfs.Dataset(ctx, dataset); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("after it: %v", err)
	}
	if err := zfs.AbortReceive(ctx, source().name+"/data"); err != nil {
		t.Errorf("where there is nothing to abort: %v", err)
	}
}

// cutStream ends as if all was well, but too early, as a connection does that carries no status.
type cutStream struct {
	*zfssend.SendStream
	left int64
}

func (c *cutStream) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.SendStream.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
