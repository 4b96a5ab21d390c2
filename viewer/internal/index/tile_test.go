package index_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer/internal/index"
	"pgregory.net/rapid"
)

// item is an item of slices or marks, or a value of a counter, as text would be compared.
type item struct {
	row             int
	start, end      float64
	kind, pos       uint32
	count           uint32
	cover           float32
	severity        uint32
	series          uint32
	least, most, at float64
}

// tileOf is a tile that was decoded.
type tileOf struct {
	track, level, gen     uint32
	index                 float64
	slices, marks, counts []item
}

// fataler is a test, or one of package rapid.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// decoder reads an answer, and checks that everything is where it is to be.
type decoder struct {
	t fataler
	b []byte
	n int
}

func (d *decoder) u32() uint32 {
	v := binary.LittleEndian.Uint32(d.b[d.n:])
	d.n += 4
	return v
}

func (d *decoder) f64() float64 {
	v := math.Float64frombits(binary.LittleEndian.Uint64(d.b[d.n:]))
	d.n += 8
	return v
}

func (d *decoder) u32s(n int) (list []uint32) {
	for range n {
		list = append(list, d.u32())
	}
	if n%2 == 1 && d.u32() != 0 {
		d.t.Fatal("what pads isn't 0")
	}
	return list
}

func (d *decoder) f64s(n int) (list []float64) {
	for range n {
		list = append(list, d.f64())
	}
	return list
}

func decode(t fataler, b []byte) (tiles []tileOf, now float64) {
	t.Helper()
	d := &decoder{t: t, b: b}
	if magic := d.u32(); magic != 0x31545653 {
		t.Fatalf("magic %x", magic)
	}
	n := d.u32()
	now = d.f64()
	for range n {
		var tile tileOf
		tile.track, tile.level, tile.index, tile.gen = d.u32(), d.u32(), d.f64(), d.u32()
		rows, slices, marks, counts := int(d.u32()), int(d.u32()), int(d.u32()), int(d.u32())
		if d.u32() != 0 {
			t.Fatal("the last number of a tile's head isn't 0")
		}
		perRow := d.u32s(rows)
		tile.slices = d.slices(slices)
		i := 0
		for row, n := range perRow {
			for range n {
				tile.slices[i].row = row
				i++
			}
		}
		if i != slices || rows > 0 && perRow[rows-1] == 0 {
			t.Fatalf("rows %v of %d slices", perRow, slices)
		}
		tile.marks, tile.counts = d.marks(marks), d.counts(counts)
		tiles = append(tiles, tile)
	}
	if d.n != len(b) {
		t.Fatalf("%d bytes of %d", d.n, len(b))
	}
	return tiles, now
}

func (d *decoder) slices(n int) []item {
	list := make([]item, n)
	start, end, kind, pos, count, cover := d.f64s(n), d.f64s(n), d.u32s(n), d.u32s(n), d.u32s(n), d.u32s(n)
	for i := range list {
		list[i] = item{start: start[i], end: end[i], kind: kind[i], pos: pos[i], count: count[i], cover: math.Float32frombits(cover[i])}
	}
	return list
}

func (d *decoder) marks(n int) []item {
	list := make([]item, n)
	time, kind, pos, count, severity := d.f64s(n), d.u32s(n), d.u32s(n), d.u32s(n), d.u32s(n)
	for i := range list {
		list[i] = item{start: time[i], kind: kind[i], pos: pos[i], count: count[i], severity: severity[i]}
	}
	return list
}

func (d *decoder) counts(n int) []item {
	list := make([]item, n)
	series, time, least, most, last := d.u32s(n), d.f64s(n), d.f64s(n), d.f64s(n), d.f64s(n)
	for i := range list {
		list[i] = item{series: series[i], start: time[i], least: least[i], most: most[i], at: last[i]}
	}
	return list
}

// bucketOf is the number of a bucket, by dividing.
func bucketOf(at int64, level int) int64 {
	width := int64(1) << level
	n := at / width
	if at%width < 0 {
		n--
	}
	return n
}

// naive finds the items of a track's slices in a tile by looking at all of them, as the protocol has it.
func naive(rows [][]index.Slice, level int, tile int64) (items []item) {
	from, to := tile<<(level+9), (tile+1)<<(level+9)
	for row, all := range rows {
		var group []index.Slice
		add := func() {
			if len(group) == 0 {
				return
			}
			it := item{row: row, start: float64(group[0].Start), end: float64(group[len(group)-1].End), count: uint32(len(group))}
			best, covered := group[0], float64(0)
			for _, v := range group {
				if v.End-v.Start > best.End-best.Start {
					best = v
				}
				if v.Failed {
					it.count |= 1 << 31
				}
				covered += float64(v.End - v.Start)
			}
			covered -= max(it.end-float64(bucketOf(group[0].Start, level)+1)*math.Ldexp(1, level), 0)
			it.kind, it.pos = best.Kind, best.Pos.Pos
			it.cover = float32(min(covered/math.Ldexp(1, level), 1))
			if it.start >= float64(from) && it.start < float64(to) || it.start < float64(from) && it.end > float64(from) {
				items = append(items, it)
			}
			group = nil
		}
		for _, v := range all {
			long := v.Open || v.End-v.Start >= 1<<level
			if len(group) > 0 && (long || bucketOf(group[0].Start, level) != bucketOf(v.Start, level)) {
				add()
			}
			if !long {
				group = append(group, v)
				continue
			}
			it := item{row: row, start: float64(v.Start), end: float64(v.End), kind: v.Kind, pos: v.Pos.Pos, count: 1, cover: 1}
			if v.Failed {
				it.count |= 1 << 31
			}
			if v.Open {
				it.count |= 1 << 30
				it.end = math.Inf(1)
			}
			if it.start < float64(to) && (it.start >= float64(from) || it.end > float64(from)) {
				items = append(items, it)
			}
		}
		add()
	}
	return items
}

// rowsOf returns the slices of a track, row by row.
func rowsOf(s *index.Snapshot, track uint32) [][]index.Slice {
	info, _ := s.Track(track)
	rows := make([][]index.Slice, info.Depth+1)
	for pos := range info.Slices {
		v, _ := s.Slice(index.Pos{Track: track, Pos: uint32(pos)})
		row := min(int(v.Row), info.Depth)
		rows[row] = append(rows[row], v)
	}
	return rows[:info.Depth]
}

// randomSlices draws a track, most of it nested, with more slices than a block of blocks has.
func randomSlices(r *rapid.T) []tracefmt.Event {
	list := header()
	at := int64(0)
	n := rapid.SampledFrom([]int{3, 40, 300, 9000}).Draw(r, "slices")
	random := rapid.Uint64Range(1, math.MaxUint64).Draw(r, "seed")
	roll := func(n uint64) int64 {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		return int64(random % n)
	}
	longest := uint64(1) << rapid.IntRange(0, 20).Draw(r, "longest")
	for range n {
		at += roll(longest)
		e := slice(at, roll(longest*2), fmt.Sprint("name ", roll(5)))
		switch roll(50) {
		case 0:
			e = failing(e, "x")
		case 1:
			e.Dur *= 20
		case 2:
			e.Time -= min(e.Time, roll(longest*8))
		case 3:
			if roll(10) == 0 {
				e.Dur = tracefmt.Open
			}
		}
		list = append(list, e)
	}
	return list
}

func TestTiles(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := randomSlices(r)
		s := load(t, list)
		track := trackNamed(t, s, "a")
		rows := rowsOf(s, track)
		grown := live(list, max(1, len(list)/rapid.IntRange(1, 9).Draw(r, "steps")))
		for range 4 {
			level := rapid.IntRange(0, 24).Draw(r, "level")
			last := bucketOf(s.End(), level+9)
			tile := rapid.Int64Range(0, last+1).Draw(r, "tile")
			b, err := s.AppendTiles(nil, level, []index.TileID{{Track: track, Index: tile}})
			if err != nil {
				r.Fatal(err)
			}
			tiles, now := decode(t, b)
			sameTiles(r, grown, s, level, tile, track)
			if now != float64(s.Now()) || tiles[0].index != float64(tile) || tiles[0].level != uint32(level) || tiles[0].gen != uint32(s.Gen()) {
				r.Fatalf("head of %+v, now %v", tiles[0], now)
			}
			got, want := tiles[0].slices, naive(rows, level, tile)
			if len(got) != len(want) {
				r.Fatalf("level %d, tile %d: %d items, want %d\n%+v\n%+v", level, tile, len(got), len(want), got, want)
			}
			for i := range got {
				g, w := got[i], want[i]
				if math.Abs(float64(g.cover-w.cover)) > 1e-5 {
					r.Fatalf("level %d, tile %d, item %d: cover %v, want %v", level, tile, i, g.cover, w.cover)
				}
				if g.cover, w.cover = 0, 0; g != w {
					r.Fatalf("level %d, tile %d, item %d: %+v\nwant %+v", level, tile, i, g, w)
				}
			}
		}
	})
}

// TestBlocks has so many slices, marks and values that their blocks are summed up, too. Some come late, when blocks have
// been made.
func TestBlocks(t *testing.T) {
	const n = 20_000
	list := header()
	for i := range int64(n) {
		list = append(list, slice(i*10, 1+(i*i+i/4096)%9, "x"))
		if i%7 == 0 {
			list = append(list, tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: i * 10, Name: "line", Severity: tracefmt.Severity(i * 7919 % 10_007 % 211 / 10)},
				tracefmt.Event{Kind: tracefmt.Counter, Track: 1, Time: i * 10, Name: "bytes", Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(i * 7919 % 10_007)}}})
		}
	}
	loaded := load(t, list)
	late := slices.Clone(list)
	for _, at := range []int{500, 5000, 15_000} {
		moved := slices.Clone(late[at : at+300])
		late = append(slices.Delete(late, at, at+300), moved...)
	}
	grown := live(late, len(late)-900)
	rows := rowsOf(loaded, 2)
	tracks := []uint32{2, trackNamed(t, loaded, "bytes")}
	for level := range 19 {
		for tile := range min(bucketOf(loaded.End(), level+9)+1, 3) {
			var texts [2]string
			for i, s := range []*index.Snapshot{grown, loaded} {
				b, err := s.AppendTiles(nil, level, []index.TileID{{Track: tracks[0], Index: tile}, {Track: tracks[1], Index: tile}})
				if err != nil {
					t.Fatal(err)
				}
				tiles, _ := decode(t, b)
				tiles[0].gen, tiles[1].gen = 0, 0
				texts[i] = fmt.Sprintf("%+v", tiles)
				for k := range tiles[0].slices {
					tiles[0].slices[k].cover = 0
				}
				want := naive(rows, level, tile)
				for k := range want {
					want[k].cover = 0
				}
				if !slices.Equal(tiles[0].slices, want) {
					t.Fatalf("level %d, tile %d: %.2000v\nwant %.2000v", level, tile, tiles[0].slices, want)
				}
			}
			if texts[0] != texts[1] {
				t.Fatalf("level %d, tile %d: grown\n%.2000s\nloaded\n%.2000s", level, tile, texts[0], texts[1])
			}
		}
	}
}

// sameTiles compares the tiles of some tracks of a trace that has grown with those of one that was loaded.
func sameTiles(r *rapid.T, grown, loaded *index.Snapshot, level int, tile int64, tracks ...uint32) {
	var list []index.TileID
	for _, track := range tracks {
		list = append(list, index.TileID{Track: track, Index: tile})
	}
	if grown.Zero() != loaded.Zero() {
		return // the first event came late
	}
	var texts [2]string
	for i, s := range []*index.Snapshot{grown, loaded} {
		b, err := s.AppendTiles(nil, level, list)
		if err != nil {
			r.Fatal(err)
		}
		tiles, _ := decode(r, b)
		for k := range tiles {
			tiles[k].gen = 0
		}
		texts[i] = fmt.Sprintf("%+v", tiles)
	}
	if texts[0] != texts[1] {
		r.Fatalf("level %d, tile %d: grown\n%.3000s\nloaded\n%.3000s", level, tile, texts[0], texts[1])
	}
}

// TestRows checks what rows promise: those of one are disjoint, and a slice is below what is around it.
func TestRows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := randomSlices(r)
		s := load(t, list)
		track := trackNamed(t, s, "a")
		info, _ := s.Track(track)
		ends := map[uint32]int64{}
		var before []index.Slice
		for pos := range info.Slices {
			v, _ := s.Slice(index.Pos{Track: track, Pos: uint32(pos)})
			if v.Open {
				v.End = math.MaxInt64
			}
			if v.Row < index.MaxRows {
				if end, ok := ends[v.Row]; ok && end > v.Start {
					r.Fatalf("%+v begins before %d, when the one before it in its row ends", v, end)
				}
				ends[v.Row] = v.End
			}
			for _, o := range before[max(0, len(before)-50):] {
				if o.Start > v.Start {
					r.Fatalf("%+v comes before %+v", o, v)
				}
				if o.End >= v.End && o.End > v.Start && o.Row >= v.Row && v.Row < index.MaxRows {
					r.Fatalf("%+v isn't below %+v, which is around it", v, o)
				}
			}
			before = append(before, v)
		}
	})
}

// TestMarkTiles compares marks and counters with a look at all of them.
func TestMarkTiles(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := header()
		at := int64(0)
		n := rapid.SampledFrom([]int{1, 10, 500}).Draw(r, "marks")
		step := rapid.Int64Range(0, 1000).Draw(r, "step")
		var marks []item
		var values []item
		for i := range n {
			at += int64(i*7919) % (step + 1)
			e := tracefmt.Event{Kind: tracefmt.Log, Track: 2, Time: at, Name: "line", Severity: tracefmt.Severity(i * 31 % 25)}
			it := item{start: float64(at), severity: uint32(e.Severity), count: 1, pos: uint32(i)}
			switch i % 100 {
			case 41:
				e.Kind, e.Severity, it.severity = tracefmt.Instant, 0, 0
			case 42:
				e = tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: at, Name: "lost", Category: tracefmt.CategoryLoss}
				it.severity = 1 << 30
			case 43:
				e = tracefmt.Event{Kind: tracefmt.Instant, Track: 2, Time: at, Name: "odd", Category: "x," + tracefmt.CategoryAnomaly}
				it.severity = 1 << 31
			}
			value := float64(i * 104729 % 1000)
			list = append(list, e, tracefmt.Event{Kind: tracefmt.Counter, Track: 1, Time: at, Name: "bytes",
				Attrs: []tracefmt.Attr{{Key: "sent", Value: tracefmt.Float64(value)}}})
			marks = append(marks, it)
			values = append(values, item{start: float64(at), least: value, most: value, at: value})
		}
		s := load(t, list)
		zero := s.Zero()
		level := rapid.IntRange(0, 20).Draw(r, "level")
		tile := rapid.Int64Range(0, bucketOf(s.End(), level+9)+1).Draw(r, "tile")
		b, err := s.AppendTiles(nil, level, []index.TileID{{Track: trackNamed(t, s, "a"), Index: tile}, {Track: trackNamed(t, s, "bytes"), Index: tile}})
		if err != nil {
			r.Fatal(err)
		}
		tiles, _ := decode(t, b)
		late := shuffled(r, list)
		sameTiles(r, live(late, max(1, len(late)/rapid.IntRange(1, 9).Draw(r, "steps"))), load(t, late), level, tile,
			trackNamed(t, s, "a"), trackNamed(t, s, "bytes"))
		wantMarks, wantValues := group(marks, zero, level, tile, false), group(values, zero, level, tile, true)
		for i := range tiles[0].marks {
			tiles[0].marks[i].kind = 0
		}
		if !slices.Equal(tiles[0].marks, wantMarks) {
			r.Fatalf("level %d, tile %d: marks\n%+v\nwant\n%+v", level, tile, tiles[0].marks, wantMarks)
		}
		if !slices.Equal(tiles[1].counts, wantValues) {
			r.Fatalf("level %d, tile %d: values\n%+v\nwant\n%+v", level, tile, tiles[1].counts, wantValues)
		}
	})
}

// group makes one item of those of each bucket in a tile.
func group(all []item, zero int64, level int, tile int64, isCounter bool) (items []item) {
	weight := func(severity uint32) uint32 { // losses first, then anomalies, then by severity
		return severity&(1<<30)<<1 | severity>>1&(1<<30) | severity&0xff
	}
	last := int64(math.MinInt64)
	best := uint32(0)
	for _, it := range all {
		it.start -= float64(zero)
		b := bucketOf(int64(it.start), level)
		if b>>9 < tile && isCounter {
			items = append(items[:0], it)
		}
		if b>>9 != tile {
			continue
		}
		if b != last {
			items = append(items, it)
			last, best = b, weight(it.severity)
			continue
		}
		i := &items[len(items)-1]
		i.least, i.most, i.at = min(i.least, it.least), max(i.most, it.most), it.at
		if isCounter {
			i.start = it.start
		}
		i.count++
		flags := (i.severity | it.severity) &^ 0xff
		if isCounter {
			i.count = 0
		} else if w := weight(it.severity); w > best {
			best, i.pos = w, it.pos
		}
		i.severity = flags | max(i.severity&0xff, it.severity&0xff)
	}
	return items
}
