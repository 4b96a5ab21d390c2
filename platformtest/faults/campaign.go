package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// A harness is one run: campaigns, one after the other, on two pools.
type harness struct {
	seed       uint64
	wanted     int // injections
	only       []string
	first      int // campaign
	deadline   time.Time
	pools      *pools
	emit       func(event)
	injections int // so far
	problems   int
	user       []belonging
}

// perCampaign is about how many faults are injected in a campaign.
const perCampaign = 42

// run makes campaigns until enough faults have been injected.
func (h *harness) run(ctx context.Context) error {
	for _, name := range []string{h.pools.src + "/user", h.pools.dst + "/user"} {
		list, err := belong(ctx, name, "kept")
		if err != nil {
			return err
		}
		h.user = append(h.user, list...)
	}
	if _, err := command(ctx, "zfs", "create", h.ballast()); err != nil {
		return err
	}
	for number := h.first; h.injections < h.wanted; number++ {
		if !h.deadline.IsZero() && time.Now().After(h.deadline) {
			h.emit(event{Note: fmt.Sprintf("the time is over after %d injections", h.injections)})
			return nil
		}
		c := h.newCampaign(number)
		before := h.injections
		if err := c.run(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("campaign %d: %w", number, err)
		}
		if h.injections == before {
			return fmt.Errorf("campaign %d: none of the faults that were asked for could be injected", number)
		}
	}
	return nil
}

// ballast is a dataset that takes the destination's free space away, by its reservation.
func (h *harness) ballast() string { return h.pools.dst + "/ballast" }

// A campaign replicates one history.
type campaign struct {
	*harness
	outcome
	src, dst string // the roots of the trees
	history  *history
	deck     *deck
	scratch  string
	user     []belonging // in both trees
	goal     int         // injections
	rebooted bool        // parts of a step may have been done before
	cut      *fault      // the power cut that is to come, at the step cutAt; nil if none is
	cutAt    int
}

// random returns the random numbers of a place in the run. They don't depend on what happened before.
func (h *harness) random(campaign, step, attempt int) *rand.Rand {
	return rand.New(rand.NewPCG(h.seed, uint64(campaign)<<32|uint64(step)<<16|uint64(attempt)))
}

func (h *harness) newCampaign(number int) *campaign {
	left := h.wanted - h.injections
	campaigns := max(1, (left+perCampaign/2)/perCampaign)
	r := h.random(number, 0, 0)
	c := &campaign{harness: h, goal: (left + campaigns - 1) / campaigns}
	c.Number = number
	c.src, c.dst = fmt.Sprintf("%s/c%d", h.pools.src, number), fmt.Sprintf("%s/c%d", h.pools.dst, number)
	c.scratch = filepath.Join(h.pools.dir, fmt.Sprintf("c%d", number))
	c.history = newHistory(c.src, filepath.Join(h.pools.mount(), fmt.Sprintf("c%d", number)), filepath.Join(c.scratch, "key"), r)
	c.deck = newDeck(r, h.only)
	return c
}

func (c *campaign) run(ctx context.Context) (err error) {
	start, files := time.Now(), descriptors()
	if err := c.prepare(ctx); err != nil {
		return err
	}
	made := time.Now()
	before, err := c.history.readAll(ctx, c.src, c.scratch)
	if err != nil {
		return err
	}
	c.emit(event{Note: fmt.Sprintf("campaign %d: %d steps; made in %v, read in %v", c.Number, len(c.history.steps),
		made.Sub(start).Round(time.Millisecond), time.Since(made).Round(time.Millisecond))})
	for i, s := range c.history.steps {
		if err := c.replicate(ctx, i, s); err != nil {
			return fmt.Errorf("step %d (%s%s): %w", i+1, s.dataset.name, s.to().name, err)
		}
	}
	c.Steps = len(c.history.steps)
	c.emit(event{Note: fmt.Sprintf("campaign %d: replicated after %v; comparing", c.Number, time.Since(start).Round(time.Millisecond))})
	if err := c.check(ctx, before); err != nil {
		return err
	}
	for _, left := range leftovers(ctx) {
		c.problem(place{Campaign: c.Number}, "left behind: "+left)
	}
	if n := descriptors(); n > files+1 { // the runtime's poller is made at its first use
		c.problem(place{Campaign: c.Number}, fmt.Sprintf("%d files are open, %d were before", n, files))
	}
	c.Took = duration(time.Since(start))
	c.emit(event{Campaign: &c.outcome})
	return c.destroy(ctx)
}

// prepare makes both roots, the history, and what belongs to the user.
func (c *campaign) prepare(ctx context.Context) error {
	if err := os.MkdirAll(c.scratch, 0o700); err != nil {
		return err
	}
	for _, root := range []string{c.src, c.dst} {
		if _, err := command(ctx, "zfs", "create", root); err != nil {
			return err
		}
	}
	if err := c.history.make(ctx, c.random(c.Number, 0, 1)); err != nil {
		return err
	}
	for _, name := range []string{c.src + "/private", c.dst + "/private"} {
		list, err := belong(ctx, name, "mine")
		if err != nil {
			return err
		}
		c.user = append(c.user, list...)
	}
	return nil
}

// replicate brings one snapshot to the destination, with faults on the way.
func (c *campaign) replicate(ctx context.Context, index int, s *step) error {
	snapshots := []string{c.src + "/" + s.dataset.name + s.to().name}
	if s.from == baseBookmark {
		if err := c.drop(ctx, c.src+"/"+s.dataset.name+s.base().name); err != nil {
			return err
		}
	} else if s.from != "" {
		snapshots = append(snapshots, c.src+"/"+s.dataset.name+s.from)
	}
	if err := zfs.Hold(ctx, tag, snapshots...); err != nil {
		return err
	}
	size, err := c.measure(ctx, s, snapshots[0])
	if err != nil {
		return err
	}
	left := len(c.history.steps) - index
	quota := (c.goal - c.Injections + left - 1) / left
	if c.Injections >= c.goal {
		quota = 0
	}
	if err := c.attempts(ctx, index, s, size, quota); err != nil {
		return err
	}
	if err := zfs.Bookmark(ctx, zfssend.Bookmark{Source: snapshots[0], Name: cursor(*s.to())}); err != nil {
		return err
	}
	if base := s.base(); base != nil {
		if err := c.drop(ctx, c.src+"/"+s.dataset.name+cursor(*base)); err != nil {
			return err
		}
	}
	if err := zfs.Release(ctx, tag, snapshots...); err != nil {
		return err
	}
	if s.dataset.name == "tree/child" && s.index == 0 && !c.rebooted { // the next increment has to do with it
		list, err := belong(ctx, c.dst+"/"+s.dataset.name, "also_mine")
		c.user = append(c.user, list...)
		return err
	}
	return nil
}

// drop destroys something. After a reboot, it may be gone already.
func (c *campaign) drop(ctx context.Context, name string) error {
	err := zfs.Destroy(ctx, name)
	if c.rebooted && errors.Is(err, zfssend.NotFound) {
		return nil
	}
	return err
}

// cursor is the bookmark that the replication makes of the newest snapshot at the destination.
func cursor(s snapshot) string { return "#" + tag + "_" + s.name[1:] }

// measure returns the size of a step's whole stream, by sending it to nobody. It is verified on the way.
func (c *campaign) measure(ctx context.Context, s *step, snapshot string) (int64, error) {
	o := s.dataset.options
	o.From, o.Verify = s.from, true
	stream, err := zfs.Send(ctx, snapshot, o)
	if err != nil {
		return 0, err
	}
	n, err := stream.WriteTo(discard{})
	return n, errors.Join(err, stream.Close())
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// attempts tries a step until the destination has its snapshot. Into the first ones, as many as the quota says, faults
// are injected.
func (c *campaign) attempts(ctx context.Context, index int, s *step, size int64, quota int) error {
	injected, clean := 0, 0
	d, err := c.destination(ctx, s)
	if err != nil {
		return err
	}
	if c.rebooted && find(d, s.to().name) != nil {
		return nil
	}
	for number := 1; ; number++ {
		a := c.newAttempt(index, number, s, size, d)
		if injected < quota {
			a.fault = c.deck.draw(a, injected+1 == quota)
		}
		if c.cut != nil && index == c.cutAt {
			a.fault = c.cut
		}
		a.choose()
		if err := a.run(ctx); err != nil {
			return fmt.Errorf("attempt %d (%s): %w", number, a.Fault, err)
		}
		c.Attempts++
		if d, err = a.look(ctx); err != nil {
			return err
		}
		if a.fault != nil {
			if a.counts() {
				injected++
				c.Injections++
				c.harness.injections++
			}
			c.emit(event{Injection: &a.injection})
		}
		if a.Problem != "" {
			c.problem(a.place, strings.TrimPrefix(a.Fault+": "+a.Problem, ": "))
		}
		switch {
		case find(d, s.to().name) != nil:
			return nil
		case a.fault != nil:
			continue
		}
		if clean++; clean >= maxClean {
			return fmt.Errorf("no success after %d attempts without a fault: %w", clean, a.root)
		}
		if causeOf(a.root) == zfssend.Busy { // what was killed is going away
			time.Sleep(time.Duration(clean) * 100 * time.Millisecond)
		}
	}
}

// maxClean is how many attempts in a row may fail without a fault of ours: by what the ones before have left.
const maxClean = 8

// destination returns the step's dataset at the destination, nil if there is none.
func (c *campaign) destination(ctx context.Context, s *step) (*zfssend.Dataset, error) {
	d, err := zfs.Dataset(ctx, c.dst+"/"+s.dataset.name)
	if errors.Is(err, zfssend.NotFound) {
		return nil, nil
	}
	return d, err
}

func (c *campaign) newAttempt(index, number int, s *step, size int64, d *zfssend.Dataset) *attempt {
	a := &attempt{campaign: c, step: s, size: size, rand: c.random(c.Number, index+1, number)}
	a.place = place{Campaign: c.Number, Step: index + 1, Attempt: number, Dataset: s.dataset.name, From: s.from, To: s.to().name}
	if d != nil {
		a.token = d.ResumeToken
	}
	a.Resumed = received(a.token)
	return a
}

// choose decides what the fault leaves open.
func (a *attempt) choose() {
	routes := []route{direct, tapped, socket}
	a.VerifySend, a.VerifyReceive = a.rand.IntN(3) == 0, a.rand.IntN(2) == 0
	left := max(a.size-max(a.Resumed, 0), 1)
	a.Offset = randomOffset(a.rand, left)
	if f := a.fault; f != nil {
		a.Fault = f.name
		if len(f.routes) > 0 {
			routes = f.routes
		}
		switch f.verify {
		case verifyOn:
			a.VerifyReceive = true
		case verifyOff:
			a.VerifyReceive, a.plain = false, a.rand.IntN(2) == 0
			// Not in BEGIN: a payload length of some MiB there, and the kernel of 2.1 dereferences a null pointer.
			a.Offset = max(a.Offset, zstream.HeaderSize)
		}
		if f.early {
			a.Offset = min(a.Offset, left/3)
		}
		if f.begun {
			a.Offset = min(max(a.Offset, 4<<10), left*3/4)
		}
	}
	a.Route = string(routes[a.rand.IntN(len(routes))])
}

// randomOffset returns a place in a stream: often in its first or its last records, where most of the decisions are made.
func randomOffset(r *rand.Rand, size int64) int64 {
	switch r.IntN(8) {
	case 0:
		return r.Int64N(min(size, 700))
	case 1:
		return max(0, size-1-r.Int64N(700))
	default:
		return r.Int64N(size)
	}
}

// look looks at the destination after an attempt, judges what was seen, and decides how to go on.
func (a *attempt) look(ctx context.Context) (*zfssend.Dataset, error) {
	d, err := a.destination(ctx, a.step)
	if err != nil {
		return nil, err
	}
	have := find(d, a.step.to().name)
	a.Committed = have != nil
	a.Token = -1
	if d != nil {
		a.Token = received(d.ResumeToken)
	}
	a.Problem = a.judge(have)
	partial := d != nil && d.ResumeToken != ""
	switch {
	case have != nil && a.Complete:
		a.Recovery = "none needed"
	case have != nil:
		a.Recovery = "the destination had it already"
	case !partial:
		a.Recovery = "started again"
	case a.stale():
		a.Recovery = "gave up the partial state, started again"
		if err = a.abortPartial(ctx, d); err == nil {
			return a.destination(ctx, a.step)
		}
	default:
		a.Recovery = fmt.Sprintf("resumed after %d bytes", a.Token)
	}
	return d, err
}

// stale reports whether the attempt showed that there is no going on from the destination's partial state.
func (a *attempt) stale() bool {
	switch {
	case a.fault == nil:
	case a.fault.name == tokenMangled:
		return false // that was us
	case a.fault.spoils && a.Struck >= 0:
		return true
	}
	switch cause := causeOf(a.root); cause {
	case zfssend.ResumeStale, zfssend.ResumableState, zfssend.Unexpected:
		return true
	default:
		// Nothing of this attempt explains it, so it is there to stay.
		return a.fault == nil && a.token != "" && cause != zfssend.Busy
	}
}

// abortPartial drops what an interrupted receive has left.
func (a *attempt) abortPartial(ctx context.Context, d *zfssend.Dataset) error {
	if d == nil || d.ResumeToken == "" {
		return nil
	}
	return zfs.AbortReceive(ctx, a.target())
}

// judge returns what should not be, "" if all is as it should. have is the snapshot at the destination, if there is one.
func (a *attempt) judge(have *zfssend.Version) string {
	a.mu.Lock()
	list := slices.Clone(a.complaints)
	a.mu.Unlock()
	switch {
	case a.Complete && have == nil:
		list = append(list, "both ends say that it is complete, but the destination hasn't got the snapshot")
	case have != nil && have.GUID != a.step.to().guid:
		list = append(list, fmt.Sprintf("the destination's snapshot has the GUID %d, not %d", have.GUID, a.step.to().guid))
	}
	if a.fault != nil && a.counts() && !a.lenient {
		if complaint := a.fault.judge(a); complaint != "" {
			list = append(list, complaint)
		}
	}
	return strings.Join(list, "; ")
}

// check compares the destination with what the source was, and looks for what is missing and what is left behind.
func (c *campaign) check(ctx context.Context, before map[string]contents) error {
	here := place{Campaign: c.Number}
	problems := c.problems
	var differences []string
	after, err := c.history.readAll(ctx, c.dst, c.scratch)
	if err != nil {
		c.problem(here, err.Error())
	}
	for _, d := range c.history.datasets {
		have, err := zfs.Dataset(ctx, c.dst+"/"+d.name)
		if err != nil {
			return err
		}
		if have.ResumeToken != "" {
			c.problem(here, "partial state left at "+have.Name)
		}
		for _, s := range d.snapshots {
			name := d.name + s.name
			if v := find(have, s.name); v == nil || v.GUID != s.guid {
				c.problem(here, fmt.Sprintf("%s: it is %+v at the destination, not %d", name, v, s.guid))
			}
			if c, read := after[name]; read {
				differences = append(differences, difference(name, c, before[name])...)
			} else {
				differences = append(differences, name+": not compared")
			}
			c.Snapshots++
			c.Files += len(before[name])
		}
	}
	for _, text := range differences {
		c.problem(here, text)
	}
	for _, d := range c.history.datasets { // the last cursors: the others are gone already, or left behind
		if err := zfs.Destroy(ctx, c.src+"/"+d.name+cursor(d.snapshots[len(d.snapshots)-1])); err != nil {
			return err
		}
	}
	list, err := missing(ctx, c.pools, slices.Concat(c.harness.user, c.user))
	if err != nil {
		return err
	}
	for _, text := range list {
		c.problem(here, text)
	}
	c.Equal = c.problems == problems
	return nil
}

func (c *campaign) problem(p place, text string) {
	c.problems++
	c.emit(event{Problem: &problem{p, text}})
}

// destroy makes room for the next campaign.
func (c *campaign) destroy(ctx context.Context) error {
	for _, b := range c.user {
		if b.Hold != "" {
			if err := zfs.Release(ctx, b.Hold, b.Name); err != nil {
				return err
			}
		}
	}
	return zfs.DestroyWith(ctx, zfssend.DestroyOptions{Recursive: true}, c.src, c.dst)
}
