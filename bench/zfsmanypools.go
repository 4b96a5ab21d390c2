package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// manyPools are what a manyJob works on: two pools in files, and a copy of the second one's file from the time when it had the
// first snapshot of all datasets only. That all ways start with the very same pool is the point of the copy.
type manyPools struct {
	*manyJob
	dir    string
	pools  []string
	far    *farHost // nil if the destination is here
	slowed bool     // devices have latency
	calls  string   // file that zfs processes are noted in; "" for none
	step   int      // passages until now
}

func (m *manyPools) source() string             { return m.pools[0] + "/" + manyTree }
func (m *manyPools) target() string             { return m.pools[1] + "/" + manyTree }
func (m *manyPools) destination() string        { return m.far.of(m.target()) }
func (m *manyPools) file(pool string) string    { return filepath.Join(m.dir, pool, "vdev") }
func (m *manyPools) savedFile() string          { return filepath.Join(m.dir, "saved") }
func (m *manyPools) mountPoint(p string) string { return filepath.Join(m.dir, "mnt", p) }

// names are those of the datasets below their pools, the one above the others first.
func (m *manyPools) names() []string {
	names := []string{"/" + manyTree}
	for i := 1; i < m.Datasets; i++ {
		names = append(names, fmt.Sprintf("/%s/d%03d", manyTree, i))
	}
	return names
}

// prepare makes the pools, with two snapshots of each dataset in the first one, and the first of them in the second one.
func (m *manyPools) prepare(ctx context.Context) (err error) {
	if m.dir, err = os.MkdirTemp("", "spanstack-bench-"); err != nil {
		return err
	}
	for _, side := range []string{"src", "dst"} {
		pool := fmt.Sprintf("spanstack_bench_%d_%s", os.Getpid(), side)
		file := m.file(pool)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600), os.Truncate(file, poolBytes)); err != nil {
			return err
		}
		mountPoint := "none"
		if side == "src" {
			mountPoint = m.mountPoint(pool)
		}
		if _, err := output(ctx, "zpool", "create", "-O", "compression=off", "-O", "atime=off", "-O", "mountpoint="+mountPoint, pool, file); err != nil {
			return err
		}
		m.pools = append(m.pools, pool)
	}
	if err := m.fill(ctx); err != nil {
		return err
	}
	all := exec.CommandContext(ctx, "zfs", "send", "-R", m.source()+"@base")
	if err := pipe(all, exec.CommandContext(ctx, "zfs", "receive", "-u", "-x", "mountpoint", m.target())); err != nil {
		return err
	}
	if _, err := output(ctx, "zpool", "export", m.pools[1]); err != nil {
		return err
	}
	if err := copySparse(m.savedFile(), m.file(m.pools[1])); err != nil {
		return err
	}
	return m.importTarget(ctx)
}

// fill makes the datasets with something in them, and both snapshots.
func (m *manyPools) fill(ctx context.Context) error {
	names := m.names()
	create := func(name string) error {
		_, err := output(ctx, "zfs", "create", m.pools[0]+name)
		return err
	}
	if err := errors.Join(create(names[0]), parallel(preparers, names[1:], create)); err != nil {
		return err
	}
	for _, snapshot := range []string{"base", "next"} {
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(m.mountPoint(m.pools[0]), name, snapshot), randomBytes(smallBytes), 0o600); err != nil {
				return err
			}
		}
		if _, err := output(ctx, "zfs", "snapshot", "-r", m.source()+"@"+snapshot); err != nil {
			return err
		}
	}
	return nil
}

// restore brings the second pool back to where it was.
func (m *manyPools) restore(ctx context.Context) error {
	slowed := m.slowed
	if err := m.speedUp(ctx); err != nil {
		return err
	}
	if _, err := output(ctx, "zpool", "export", m.pools[1]); err != nil {
		return err
	}
	if err := copySparse(m.file(m.pools[1]), m.savedFile()); err != nil {
		return err
	}
	if err := m.importTarget(ctx); err != nil || !slowed {
		return err
	}
	return m.inject(ctx)
}

func (m *manyPools) importTarget(ctx context.Context) error {
	_, err := output(ctx, "zpool", "import", "-N", "-d", filepath.Dir(m.file(m.pools[1])), m.pools[1])
	return err
}

// slowDown gives all devices the latency that the job asks for, and measures what it does.
func (m *manyPools) slowDown(ctx context.Context, res *manyResult) (err error) {
	if m.Latency == 0 {
		return nil
	}
	if res.SetWithout, err = m.timeSet(ctx); err != nil {
		return err
	}
	if err := m.inject(ctx); err != nil {
		return err
	}
	if res.SetWith, err = m.timeSet(ctx); err != nil {
		return err
	}
	if res.SetWith < res.SetWithout+m.Latency {
		return fmt.Errorf("a latency of %v is in vain: zfs set takes %v with it, %v without", m.Latency, res.SetWith, res.SetWithout)
	}
	return nil
}

// timeSet returns the median time of a command that waits for a transaction group.
func (m *manyPools) timeSet(ctx context.Context) (time.Duration, error) {
	var times []time.Duration
	for i := range 7 {
		start := time.Now()
		if _, err := output(ctx, "zfs", "set", fmt.Sprintf("spanstack:bench=%d", i), m.pools[1]); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	return median(times), nil
}

func (m *manyPools) inject(ctx context.Context) error {
	for _, pool := range m.pools {
		if _, err := output(ctx, "zinject", "-d", m.file(pool), "-D", fmt.Sprintf("%d:%d", m.Latency.Milliseconds(), deviceLanes), pool); err != nil {
			return err
		}
	}
	m.slowed = true
	return nil
}

func (m *manyPools) speedUp(ctx context.Context) error {
	if !m.slowed {
		return nil
	}
	m.slowed = false
	_, err := output(ctx, "zinject", "-c", "all")
	return err
}

// destroySyncSnapshots removes the snapshots of its own that syncoid has left on the source.
func (m *manyPools) destroySyncSnapshots(ctx context.Context) error {
	slowed := m.slowed
	if err := m.speedUp(ctx); err != nil {
		return err
	}
	list, err := output(ctx, "zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-r", m.source())
	if err != nil {
		return err
	}
	var own []string
	for name := range strings.Lines(list) {
		if _, snapshot, _ := strings.Cut(strings.TrimSpace(name), "@"); strings.HasPrefix(snapshot, "syncoid_") {
			own = append(own, strings.TrimSpace(name))
		}
	}
	if len(own) != m.Datasets {
		return fmt.Errorf("syncoid took %d snapshots of its own, want %d", len(own), m.Datasets)
	}
	slices.Sort(own)
	err = parallel(preparers, own, func(name string) error { _, err := output(ctx, "zfs", "destroy", name); return err })
	if err != nil || !slowed {
		return err
	}
	return m.inject(ctx)
}

// cleanUp destroys the pools that prepare made, and nothing else.
func (m *manyPools) cleanUp() (err error) {
	ctx := context.Background()
	err = errors.Join(m.speedUp(ctx), m.far.close())
	for _, pool := range m.pools {
		_, destroyErr := output(ctx, "zpool", "destroy", "-f", pool)
		err = errors.Join(err, destroyErr)
	}
	if m.dir != "" && err == nil {
		err = os.RemoveAll(m.dir)
	}
	return err
}

// copySparse makes to a copy of from, with holes where that has them.
func copySparse(to, from string) (err error) {
	const seekData, seekHole = 3, 4 // as on Linux and FreeBSD
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	for at := int64(0); ; {
		begin, err := in.Seek(at, seekData)
		if err != nil { // ENXIO: no more data
			return out.Truncate(st.Size())
		}
		if at, err = in.Seek(begin, seekHole); err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, begin), io.NewSectionReader(in, begin, at-begin)); err != nil {
			return err
		}
	}
}
