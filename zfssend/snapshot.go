package zfssend

import "context"

// Snapshot takes snapshots, such as "tank/home@mon".
//
// There is one zfs process for each pool. Its snapshots are all taken at the same moment, or none is: if one can't be,
// the others fail with [NotTried]. Only where a pool's list is longer than a command line can be (256 KiB), or a
// dataset has several snapshots in it, which zfs doesn't take together, there are more processes. The error is a
// *[BatchError], or a *[NameError], before anything was done.
func (c *Client) Snapshot(ctx context.Context, names ...string) error {
	if err := checkNames(names, '@'); err != nil {
		return err
	}
	b := newBatch("snapshot", len(names))
	for _, pool := range grouped(names, poolOf) {
		for _, round := range oneEach(pool) {
			for _, part := range chunks(round) {
				c.snapshot(ctx, b, part)
			}
		}
	}
	return c.finish(ctx, b)
}

// oneEach returns names in rounds that have no dataset twice.
func oneEach(names []string) [][]string {
	count := make(map[string]int)
	var rounds [][]string
	for _, name := range names {
		dataset := datasetOf(name)
		if count[dataset] == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[count[dataset]] = append(rounds[count[dataset]], name)
		count[dataset]++
	}
	return rounds
}

// snapshot takes snapshots with one process.
func (c *Client) snapshot(ctx context.Context, b *batch, names []string) {
	if b.stop(ctx, names) {
		return
	}
	r, err := c.answer(ctx, command{op: "snapshot", object: objectOf(names), args: names})
	if err == nil {
		return
	}
	e := asError(err)
	about, _ := blame(complaints(r.stderr, among(names)), names)
	if len(about) == 0 || e.Cause == Canceled {
		b.failAll(names, e)
		return
	}
	for _, name := range names {
		if _, ok := about[name]; !ok {
			about[name] = complaint{message: "not taken, since another one failed", cause: NotTried}
		}
	}
	b.failAbout(names, about, e)
}
