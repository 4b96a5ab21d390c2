package replicate

import (
	"context"
	"errors"
	"maps"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// manyNames is from how many names on two processes ask for their GUIDs.
const manyNames = 64

// lookUp is GUIDs of a host, if it may be by two processes at a time, should there be many names: what takes time is the kernel's work for
// each of them, of one processor.
func lookUp(ctx context.Context, host zfssend.Host, names []string, two bool) (map[string]uint64, error) {
	if len(names) < manyNames || !two {
		return host.GUIDs(ctx, names...)
	}
	halves := [2][]string{names[:len(names)/2], names[len(names)/2:]}
	var found [2]map[string]uint64
	var errs [2]error
	g, _ := trace.WithTaskGroup(ctx, "look")
	for i, half := range halves {
		g.Go("look for snapshots", func(ctx context.Context) error {
			if found[i], errs[i] = host.GUIDs(ctx, half...); errors.Is(errs[i], zfssend.NotFound) {
				return nil // what it found is there all the same
			}
			return errs[i]
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	maps.Copy(found[0], found[1])
	if errs[0] == nil {
		errs[0] = errs[1]
	}
	return found[0], errs[0]
}
