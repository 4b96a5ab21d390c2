package zfssend

import (
	"context"
	"fmt"
	"strings"
)

// Names returns the names of all filesystems and volumes of the host, in the order of zfs: none is no error. It takes one zfs
// process.
func (c *Client) Names(ctx context.Context) ([]string, error) {
	out, err := c.run(ctx, opList, "all datasets", "-H", "-t", "filesystem,volume", "-o", "name")
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		name, whole := strings.CutSuffix(line, "\n")
		if _, err := parse(name, 0); err != nil || !whole {
			return nil, fmt.Errorf("list all datasets: %.200q is no name of one", line)
		}
		names = append(names, name)
	}
	return names, nil
}
