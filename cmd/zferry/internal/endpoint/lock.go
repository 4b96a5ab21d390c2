package endpoint

import (
	"context"
	"io"
	"log/slog"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// Place is a dataset of a host that was opened.
type Place struct {
	Host    zfssend.Host
	Dataset string
}

// Lock locks datasets, as trees or each alone, until unlock is called, before ctx's span ends. It doesn't wait: the error is that of the
// first that is locked by somebody else. What is a part of another one of them, or named twice, is locked by that.
func Lock(ctx context.Context, tree bool, places ...Place) (unlock func(), err error) {
	var locks []io.Closer
	unlock = func() {
		_, span := trace.WithSpan(ctx, "unlock") // another host has to answer
		defer span.End()
		for _, l := range locks {
			l.Close()
		}
	}
	for i, p := range places {
		if p.partOf(places[:i], places[i+1:], tree) {
			continue
		}
		l, err := p.lock(ctx, tree)
		if err != nil {
			if len(locks) > 0 {
				unlock()
			}
			return nil, err
		}
		locks = append(locks, l)
	}
	return unlock, nil
}

func (p Place) lock(ctx context.Context, tree bool) (l io.Closer, err error) {
	ctx, span := trace.WithSpan(ctx, "lock", slog.String("dataset", p.Dataset))
	defer span.EndErr(&err)
	return p.Host.Lock(ctx, p.Dataset, tree)
}

// partOf reports whether another place makes the lock of this one superfluous: an equal one before it, or any above it.
func (p Place) partOf(before, after []Place, tree bool) bool {
	for _, other := range before {
		if zfssend.SameHost(p.Host, other.Host) && (p.Dataset == other.Dataset || tree && below(p.Dataset, other.Dataset)) {
			return true
		}
	}
	for _, other := range after {
		if tree && zfssend.SameHost(p.Host, other.Host) && below(p.Dataset, other.Dataset) {
			return true
		}
	}
	return false
}

// below reports whether a dataset is truly below another one.
func below(a, b string) bool {
	return len(a) > len(b) && a[:len(b)] == b && a[len(b)] == '/'
}
