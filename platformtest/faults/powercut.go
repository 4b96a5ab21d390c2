package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// cutLine is what the harness writes when the power is to be cut.
const cutLine = "@@cut"

// maxPowerCuts is the number of steps that a history has. A second cut in the same step might find it done.
const maxPowerCuts = 14

// bootTimeout bounds each boot of that machine, in which a whole history may be made, replicated and read twice. That took two
// minutes on two busy cores without KVM, and may take many times as long on slower ones.
const bootTimeout = 45 * time.Minute

// cutPower boots the machine with two disks, cuts its power as often as wanted, and boots it once more, to finish.
func (g *guest) cutPower(ctx context.Context) error {
	disks := []machine.Disk{{File: filepath.Join(g.dir, "src.img"), Size: poolSize}, {File: filepath.Join(g.dir, "dst.img"), Size: poolSize}}
	for phase := 1; ; phase++ {
		err := g.run(ctx, machine.RunOptions{Timeout: bootTimeout, Disks: disks, CutPower: func(line string) bool { return line == cutLine }},
			"--phase", fmt.Sprint(phase), "--power-cuts", fmt.Sprint(g.options.powerCuts))
		switch {
		case phase <= g.options.powerCuts && isPowerCut(err):
		case err != nil:
			return fmt.Errorf("boot %d of the machine whose power is cut: %w", phase, err)
		case phase <= g.options.powerCuts:
			return fmt.Errorf("boot %d of the machine: its power was not cut", phase)
		default:
			return nil
		}
	}
}

// state is what has to survive a power cut. It is kept on the source.
type state struct {
	Before map[string]contents
	GUIDs  map[string]uint64 // of snapshots, by "dataset@snapshot"
	User   []belonging
	Key    []byte
	Cut    powerCut // the last one
}

// powerCutPhase is what happens between two boots: it goes on with a campaign, without faults but for the power cut at the
// end. After the last boot it finishes the campaign.
func (o *options) powerCutPhase(ctx context.Context, emit func(event)) error {
	start := time.Now()
	dir, err := os.MkdirTemp("", "spanstack-faults-")
	if err != nil {
		return err
	}
	p := &pools{dir: dir, src: "spanstack_faults_src", dst: "spanstack_faults_dst", srcVdev: "/dev/vda1", dstVdevs: []string{"/dev/vdb1"}}
	h := &harness{seed: o.seed, pools: p, emit: emit}
	c := h.newCampaign(0)
	var s state
	if o.phase == 1 {
		if err := p.create(ctx); err != nil {
			return err
		}
		s, err = c.begin(ctx)
	} else {
		s, err = c.resume(ctx)
	}
	if err != nil {
		return err
	}
	if o.phase <= o.powerCuts {
		var sync bool
		c.cutAt, sync = c.chooseCut(o.phase, o.powerCuts)
		c.cut = c.powerCut(&s, o.phase, sync)
	}
	for i, step := range c.history.steps {
		if err := c.replicate(ctx, i, step); err != nil {
			return fmt.Errorf("step %d (%s%s): %w", i+1, step.dataset.name, step.to().name, err)
		}
	}
	c.Steps = len(c.history.steps)
	if err := c.check(ctx, s.Before); err != nil {
		return err
	}
	c.Took = duration(time.Since(start)) // since the last boot
	emit(event{Campaign: &c.outcome})
	return nil
}

// chooseCut returns the step in which the power is to be cut in a phase, and whether the pool is to be synced before.
func (c *campaign) chooseCut(phase, phases int) (step int, sync bool) {
	steps := len(c.history.steps)
	r := c.random(0, 0, phase+10)
	// Each phase has its part of the steps, so that there is always one left.
	from, to := (phase-1)*steps/phases, phase*steps/phases
	step = from + r.IntN(max(to-from, 1))
	return step, r.IntN(2) == 0
}

// begin makes the history, and saves what has to be known later.
func (c *campaign) begin(ctx context.Context) (s state, err error) {
	if err := c.prepare(ctx); err != nil {
		return s, err
	}
	if s.Before, err = c.history.readAll(ctx, c.src, c.scratch); err != nil {
		return s, err
	}
	s.GUIDs, s.User = make(map[string]uint64), c.user
	for _, d := range c.history.datasets {
		for _, snapshot := range d.snapshots {
			s.GUIDs[d.name+snapshot.name] = snapshot.guid
		}
	}
	if s.Key, err = os.ReadFile(c.history.key); err != nil {
		return s, err
	}
	c.rebooted = true // as far as it matters: what can be left half done is done so that it can be done again
	return s, c.save(ctx, s)
}

func (c *campaign) stateFile() string { return filepath.Join(c.pools.mount(), "state.json") }

// save saves the state so that it is on the disk.
func (c *campaign) save(ctx context.Context, s state) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := replaceFile(c.stateFile(), text); err != nil {
		return err
	}
	_, err = command(ctx, "zpool", "sync", c.pools.src, c.pools.dst)
	return err
}

// resume finds out what the power cut has left.
func (c *campaign) resume(ctx context.Context) (s state, err error) {
	start := time.Now()
	if err := os.MkdirAll(c.pools.mount(), 0o755); err != nil {
		return s, err
	}
	for pool, args := range map[string][]string{
		c.pools.src: {"-d", c.pools.srcVdev}, c.pools.dst: {"-d", c.pools.dstVdevs[0]},
	} {
		args = append([]string{"import", "-f", "-N", "-o", "cachefile=none"}, append(args, pool)...)
		if _, err := command(ctx, "zpool", args...); err != nil {
			return s, err
		}
	}
	// The directory that it was mounted in is of the boot before.
	if err := mountDataset(c.pools.src, c.pools.mount()); err != nil {
		return s, err
	}
	text, err := os.ReadFile(c.stateFile())
	if err != nil {
		return s, err
	}
	if err := errors.Join(json.Unmarshal(text, &s), os.MkdirAll(c.scratch, 0o700), os.WriteFile(c.history.key, s.Key, 0o600)); err != nil {
		return s, err
	}
	c.rebooted, c.user = true, s.User
	for _, d := range c.history.datasets {
		for i := range d.snapshots {
			d.snapshots[i].guid = s.GUIDs[d.name+d.snapshots[i].name]
		}
	}
	cut := s.Cut
	d, err := c.destination(ctx, c.history.steps[cut.Step-1])
	if err != nil {
		return s, err
	}
	cut.Token, cut.Outcome = -1, "nothing of it is there; started again"
	switch {
	case find(d, cut.To) != nil:
		cut.Outcome = "the snapshot is there"
	case d != nil && d.ResumeToken != "":
		cut.Token = received(d.ResumeToken)
		cut.Outcome = "resumed by the token"
	}
	cut.Took = duration(time.Since(start))
	c.emit(event{PowerCut: &cut})
	return s, nil
}

// powerCut returns a fault that asks for the power to be cut, and lets the stream go on slowly until it is.
func (c *campaign) powerCut(s *state, number int, sync bool) *fault {
	return &fault{
		name: "power-cut", routes: []route{tapped}, delay: 50 * time.Millisecond, verify: verifyAny,
		strike: func(a *attempt, rest []byte) ([]byte, error) {
			cut := powerCut{Number: number, Step: a.Step, Dataset: a.Dataset, To: a.To, Struck: a.Offset, Synced: sync, Token: -1}
			s.Cut = cut
			if sync {
				if _, err := command(a.ctx, "zpool", "sync", a.pools.dst); err != nil {
					return rest, err
				}
			}
			// The state goes to another pool than the one that is received into.
			text, err := json.Marshal(s)
			if err == nil {
				err = replaceFile(c.stateFile(), text)
			}
			if err == nil {
				_, err = command(a.ctx, "zpool", "sync", a.pools.src)
			}
			if err != nil {
				return rest, err
			}
			c.emit(event{PowerCut: &cut})
			fmt.Println(cutLine)
			return rest, nil
		},
		mend: func(a *attempt) error {
			if a.Struck < 0 {
				return nil
			}
			<-a.ctx.Done() // the machine is about to die
			return context.Cause(a.ctx)
		},
	}
}
