package replicate

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// BenchmarkPlan plans the replication of 10,000 datasets with 1,000,000 snapshots, of which the destination has all but the newest of
// each, from what zfs list writes about both sides: two million rows.
func BenchmarkPlan(b *testing.B) {
	const datasets, each = 10_000, 100
	side := func(pool string, snapshots int) zfssend.Host {
		name := filepath.Join(b.TempDir(), pool)
		list, versions := create(b, name+"-datasets"), create(b, name+"-versions")
		columns := ""
		if pool == "backup" {
			columns = "\t-\t%[2]d"
		}
		fmt.Fprintf(list, "%[1]s\tfilesystem\t%[2]d\t1\toff\t-"+columns+"\n", pool, uint64(1)<<60)
		for i := range datasets {
			fmt.Fprintf(list, "%[1]s/%05[3]d\tfilesystem\t%[2]d\t1\toff\t-"+columns+"\n", pool, uint64(1)<<50+uint64(i), i)
			for j := range snapshots {
				fmt.Fprintf(versions, "%s/%05d@auto-2026-11-%02d_00:00:00\t%d\t%d\n", pool, i, j, uint64(i)<<32+uint64(j)+1, 1000*j+i)
			}
		}
		for _, w := range []*bufio.Writer{list, versions} {
			if err := w.Flush(); err != nil {
				b.Fatal(err)
			}
		}
		return client(Scripts{
			"list -Hp -t filesystem,volume": {Cat(name + "-datasets")},
			"list -Hp -t snapshot,bookmark": {Cat(name + "-versions")},
		})
	}
	r := Replicator{Source: side("tank", each), Destination: side("backup", each-1), Options: Options{Recursive: true}}
	b.ReportAllocs()
	for b.Loop() {
		plan, err := r.Plan(b.Context(), "tank", "backup")
		if err != nil {
			b.Fatal(err)
		}
		if plan.Steps() != datasets {
			b.Fatalf("%d steps", plan.Steps())
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys") // all that the process has got from the system
}

func create(b *testing.B, name string) *bufio.Writer {
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return bufio.NewWriterSize(f, 1<<20)
}
