package zfssend

import "context"

// Snapshot takes snapshots, such as "tank/home@mon": all of those in one pool at the same moment, or none. It takes
// one zfs process.
func (c *Client) Snapshot(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	for _, name := range names {
		if _, err := parse(name, '@'); err != nil {
			return err
		}
	}
	object := names[0]
	if len(names) > 1 {
		object += " and others"
	}
	_, err := c.run(ctx, "snapshot", object, names...)
	return err
}
