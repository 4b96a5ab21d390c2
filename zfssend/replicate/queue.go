package replicate

import "sync"

// queue hands out datasets: those that need one above them only after that is there.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	ready   []*DatasetResult
	waiting map[*DatasetResult][]*DatasetResult // by the one above
	parents map[*DatasetResult]*DatasetResult
	open    int // not done yet
}

// fill fills a new queue with those datasets for which there is something to do.
func (q *queue) fill(list []*DatasetResult) {
	q.changed.L = &q.mu
	q.waiting, q.parents = make(map[*DatasetResult][]*DatasetResult), make(map[*DatasetResult]*DatasetResult)
	byName := make(map[string]*DatasetResult, len(list))
	for _, d := range list {
		p := d.Plan
		byName[p.Destination] = d
		above := byName[parent(p.Destination)]
		if above != nil && p.isNew {
			q.parents[d] = above
		}
		switch {
		case p.Conflict != nil || p.UpToDate():
			d.present = !p.isNew
		case above != nil && p.isNew && !above.present && above.Plan.Conflict == nil:
			q.waiting[above] = append(q.waiting[above], d)
			q.open++
		default:
			q.ready = append(q.ready, d)
			q.open++
		}
		if !p.isNew {
			d.present = true
		}
	}
}

// above returns the dataset that a new one needs; nil if it needs none.
func (q *queue) above(d *DatasetResult) *DatasetResult { return q.parents[d] }

// next returns a dataset, after waiting for one if need be; nil if there are no more.
func (q *queue) next() *DatasetResult {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ready) == 0 {
		if q.open == 0 {
			return nil
		}
		q.changed.Wait()
	}
	d := q.ready[0]
	q.ready = q.ready[1:]
	return d
}

// release makes those ready that wait for a dataset, which is there, or never will be.
func (q *queue) release(d *DatasetResult) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready = append(q.ready, q.waiting[d]...)
	delete(q.waiting, d)
	q.changed.Broadcast()
}

// done says that nothing more is to be done for a dataset that next has returned.
func (q *queue) done(d *DatasetResult) {
	q.release(d)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open--
	q.changed.Broadcast()
}
