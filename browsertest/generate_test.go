package browsertest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes a trace as a process with many tasks would: a root task
// whose span spawns tasks onto lanes, each with nested spans, log lines and
// async spans, the parents written after their children, and the last task of
// each lane still open.
type generator struct {
	random *rand.Rand
	out    strings.Builder
	ids    int

	slices, flows, async int // what was written; open slices are one per lane and the root
}

const generatedLanes = 10

// generate returns a trace with tasks tasks on each of its lanes.
func generate(tasks int) (*generator, []byte) {
	g := &generator{random: rand.New(rand.NewPCG(1, 2))}
	g.out.WriteString("[\n")
	g.write(`{"ph":"M","pid":7,"name":"process_name","args":{"name":"generated","spanstack.unix_ns":"1700000000000000000"}}`)
	g.lane(1, "root")
	root := g.id()
	g.write(`{"ph":"B","pid":7,"tid":1,"ts":0.000,"name":"root","cat":"task","args":{"spanstack.id":%q}}`, root)
	g.slices++
	var last int64
	for n := range generatedLanes {
		tid := n + 2
		g.lane(tid, fmt.Sprintf("step #%d", n+1))
		now := int64(1 + g.random.IntN(1e6))
		for range tasks {
			now = g.task(tid, root, now) + 1 + int64(g.random.IntN(5000))
		}
		g.openTask(tid, root, now)
		last = max(last, now+1000)
	}
	g.write(`{"ph":"i","s":"t","pid":7,"tid":1,"ts":%s,"name":"flush","cat":"log"}`, ts(last))
	g.slices++
	return g, []byte(g.out.String())
}

func (g *generator) lane(tid int, name string) {
	g.write(`{"ph":"M","pid":7,"tid":%d,"name":"thread_name","args":{"name":%q}}`, tid, name)
	g.write(`{"ph":"M","pid":7,"tid":%d,"name":"thread_sort_index","args":{"sort_index":%d}}`, tid, tid)
}

// task writes a task that starts at ns, and returns its end.
func (g *generator) task(tid int, parent string, start int64) (end int64) {
	id := g.id()
	g.flow(tid, id, start)
	end = start + 2_000_000 + int64(g.random.IntN(1e6))
	g.spans(tid, id, start+1, end, 3)
	g.slice(tid, "task", "step", id, parent, start, end)
	return end
}

// openTask writes a task of which only the start is known, and a log line.
func (g *generator) openTask(tid int, parent string, start int64) {
	id := g.id()
	g.write(`{"ph":"B","pid":7,"tid":%d,"ts":%s,"name":"step","cat":"task","args":{"spanstack.id":%q,"spanstack.parent":%q}}`, tid, ts(start), id, parent)
	g.flow(tid, id, start)
	g.write(`{"ph":"i","s":"t","pid":7,"tid":%d,"ts":%s,"name":"still sending","cat":"log","args":{"spanstack.id":%q}}`, tid, ts(start+1000), id)
	g.slices += 2
}

// spans fills the time from start to end with up to three spans and theirs.
func (g *generator) spans(tid int, parent string, start, end int64, depth int) {
	part := (end - start) / 3
	for i := range int64(1 + g.random.IntN(3)) {
		id := g.id()
		from, to := start+i*part, start+(i+1)*part-1000
		if depth > 1 {
			g.spans(tid, id, from+1, to, depth-1)
		}
		g.slice(tid, "span", fmt.Sprintf("span %d", depth), id, parent, from, to)
		if g.random.IntN(4) == 0 {
			g.write(`{"ph":"i","s":"t","pid":7,"tid":%d,"ts":%s,"name":"log","cat":"log","args":{"spanstack.id":%q}}`, tid, ts(from+part/2), id)
			g.slices++
		}
		if depth == 3 && g.random.IntN(4) == 0 {
			g.write(`{"ph":"b","pid":7,"tid":%d,"ts":%s,"id":%q,"name":"transfer","cat":"async"}`, tid, ts(from), id)
			g.write(`{"ph":"e","pid":7,"tid":%d,"ts":%s,"id":%q,"name":"transfer","cat":"async"}`, tid, ts(to), id)
			g.async++
		}
	}
}

func (g *generator) slice(tid int, cat, name, id, parent string, start, end int64) {
	g.write(`{"ph":"X","pid":7,"tid":%d,"ts":%s,"dur":%s,"name":%q,"cat":%q,"args":{"spanstack.id":%q,"spanstack.parent":%q}}`,
		tid, ts(start), ts(end-start), name, cat, id, parent)
	g.slices++
}

func (g *generator) flow(tid int, id string, at int64) {
	g.write(`{"ph":"s","pid":7,"tid":1,"ts":%s,"id":%q,"name":"step","cat":"task"}`, ts(at), id)
	g.write(`{"ph":"f","pid":7,"tid":%d,"ts":%s,"id":%q,"name":"step","cat":"task","bp":"e"}`, tid, ts(at), id)
	g.flows++
}

func (g *generator) write(format string, args ...any) {
	fmt.Fprintf(&g.out, format+",\n", args...)
}

func (g *generator) id() string {
	g.ids++
	return fmt.Sprintf("id%011d", g.ids)
}

// ts is ns as µs with three decimals.
func ts(ns int64) string { return fmt.Sprintf("%d.%03d", ns/1000, ns%1000) }
