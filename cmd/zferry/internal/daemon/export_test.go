package daemon

import "context"

// Serve is Run without listeners, which have no place in a bubble.
func (d *Daemon) Serve(ctx context.Context) error {
	d.prepare(ctx)
	return d.serve(ctx)
}
