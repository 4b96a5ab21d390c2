package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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
	tallies    map[string]*tally // by the fault's name
}

// spare is how many faults more are meant to be injected in a campaign, since those of the last step may miss, or end it too
// early, and a campaign to make up for one of them is long.
const spare = 2

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
			break
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
	for _, text := range h.vacuous() {
		h.problem(place{Campaign: wholeRun}, text)
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
	c := &campaign{harness: h}
	c.Number, c.Goal = number, (left+campaigns-1)/campaigns
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
	if done, err := c.doneBefore(ctx, s); done || err != nil {
		return err
	}
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
	quota := 0
	if c.Injections < c.Goal {
		quota = (c.Goal + spare - c.Injections + left - 1) / left
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

// doneBefore reports whether a step was done before the machine died, and can't be done again, since a later one has dropped
// its snapshot at the source. The steps before it have just been done again: the cursor that the last of them has made
// is one that this step drops.
func (c *campaign) doneBefore(ctx context.Context, s *step) (bool, error) {
	if !c.rebooted {
		return false, nil
	}
	have, err := c.destination(ctx, s)
	if err != nil || find(have, s.to().name) == nil {
		return false, err
	}
	source := c.src + "/" + s.dataset.name
	d, err := zfs.Dataset(ctx, source)
	if err != nil || find(d, s.to().name) != nil {
		return false, err
	}
	if base := s.base(); base != nil {
		if err := c.drop(ctx, source+cursor(*base)); err != nil {
			return false, err
		}
		if find(d, base.name) != nil {
			return true, zfs.Release(ctx, tag, source+base.name)
		}
	}
	return true, nil
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
		if a.counts() {
			injected++
			c.Injections++
			c.harness.injections++
		}
		c.count(&a.injection)
		if a.fault != nil || !a.Complete {
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

func (h *harness) problem(p place, text string) {
	h.problems++
	h.emit(event{Problem: &problem{p, text}})
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
