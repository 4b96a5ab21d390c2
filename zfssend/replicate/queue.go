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

// missing returns the dataset that a new one needs, if it isn't there.
func (q *queue) missing(d *DatasetResult) *DatasetResult {
	q.mu.Lock()
	defer q.mu.Unlock()
	if above := q.parents[d]; above != nil && !above.present {
		return above
	}
	return nil
}

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

// arrived says that a dataset is there, so that those below it can come.
func (q *queue) arrived(d *DatasetResult) {
	q.mu.Lock()
	defer q.mu.Unlock()
	d.present = true
	q.release(d)
}

// done says that nothing more is to be done for a dataset that next has returned.
func (q *queue) done(d *DatasetResult) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open--
	q.release(d)
}

// release makes those ready that wait for a dataset.
func (q *queue) release(d *DatasetResult) {
	q.ready = append(q.ready, q.waiting[d]...)
	delete(q.waiting, d)
	q.changed.Broadcast()
}
