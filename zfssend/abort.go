package zfssend

import (
	"context"
	"strings"
)

// AbortReceive discards what an interrupted receive has kept of a dataset: what [Dataset.ResumeToken] would go on from.
// If it was the dataset's first receive, the dataset is gone, too. That there is nothing to be discarded is no error; that there is no
// such dataset Is [NotFound], and a receive that still runs is [Busy].
func (c *Client) AbortReceive(ctx context.Context, dataset string) error {
	if _, err := parse(dataset, 0); err != nil {
		return err
	}
	_, err := c.answer(ctx, command{
		op: opReceive, object: dataset, args: []string{"-A", dataset}, on: dataset, needs: permissionsOf[opDestroy],
		settled: func(_ *Error, r reply) bool {
			return strings.Contains(masked(r.stderr), "does not have any resumable receive state")
		},
	})
	return err
}
