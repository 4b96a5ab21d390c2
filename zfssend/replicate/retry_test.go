package replicate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// TestRetriesFiltered: what a filter has selected is tried again, although alone, below another root, it would match nothing.
func TestRetriesFiltered(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b", "tank/a/b/c")
	h.must(h.model.Write("tank/a/b/c", "large", make([]byte, 3<<20)))
	h.snapshot("tank/a@1")
	include, err := ParseGlob("b/c")
	h.must(err)
	h.r.Options.Filter.Include = []Glob{include}
	h.r.Options.Retries, h.r.Options.Backoff = 1, time.Millisecond
	h.must(h.model.SetFault("receive", zfsmodel.Fault{After: 1 << 20, Text: "cannot receive: dataset is busy\n", Exit: 1}))
	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	report, err := h.r.Execute(h.ctx, plan)
	if err != nil || report.Datasets[2].Retries < 2 {
		t.Errorf("each receive takes 1 MiB: %d retries, %v", report.Datasets[2].Retries, err)
	}
}

// unsteady is a host that fails some requests, each with the next error of its list.
type unsteady struct {
	zfssend.Host
	list, create, receive []error
}

func next(errs *[]error) (err error) {
	if len(*errs) > 0 {
		err, *errs = (*errs)[0], (*errs)[1:]
	}
	return err
}

func (u *unsteady) List(ctx context.Context, name string, o zfssend.ListOptions) ([]zfssend.Dataset, error) {
	if err := next(&u.list); err != nil {
		return nil, err
	}
	return u.Host.List(ctx, name, o)
}

func (u *unsteady) Create(ctx context.Context, name string, o zfssend.CreateOptions) error {
	if err := next(&u.create); err != nil {
		return err
	}
	return u.Host.Create(ctx, name, o)
}

func (u *unsteady) Receive(ctx context.Context, dataset string, input io.ReadCloser, o zfssend.ReceiveOptions) (zfssend.Receiver, error) {
	if err := next(&u.receive); err != nil {
		input.Close()
		return nil, err
	}
	return u.Host.Receive(ctx, dataset, input, o)
}

// TestRetriesUnreachable: a host that is away for longer than one pause, so that no new plan can be made either, is asked again as often as
// is asked for.
func TestRetriesUnreachable(t *testing.T) {
	away := fmt.Errorf("nobody answers: %w", zfssend.ErrTransport)
	for retries, wantErr := range map[int]error{3: nil, 2: away} {
		h := newHouse(t)
		h.create("tank/a")
		h.snapshot("tank/a@1")
		h.r.Options.Retries, h.r.Options.Backoff = retries, time.Millisecond
		host := &unsteady{Host: h.client.Host()}
		h.r.Destination = host
		plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
		h.must(err)
		host.receive, host.list = []error{away}, []error{away, away}
		report, err := h.r.Execute(h.ctx, plan)
		if !errors.Is(err, wantErr) || report.Datasets[0].Retries != retries {
			t.Errorf("%d retries: got %v after %d", retries, err, report.Datasets[0].Retries)
		}
	}
}

// TestRetriesPlaceholder: a filesystem that is made for those below it is made by another try, too.
func TestRetriesPlaceholder(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b")
	h.must(h.client.Snapshot(h.ctx, "tank/a/b@1"))
	h.r.Options.Retries, h.r.Options.Backoff = 1, time.Millisecond
	h.r.Destination = &unsteady{Host: h.client.Host(), create: []error{zfssend.Busy}}
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: placeholder", "backup/a/b: full @1")
}
