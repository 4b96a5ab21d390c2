package timeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

func TestBelow(t *testing.T) {
	slice := func(id, parent, ts, dur, tid string) string {
		return fmt.Sprintf(",\n"+`{"name":"%[1]s","cat":"task","ph":"X","ts":%[3]s,"dur":%[4]s,"pid":7,"tid":%[5]s,"args":{"spanstack.id":"%[1]s","spanstack.parent":"%[2]s"}}`, id, parent, ts, dur, tid)
	}
	arrow := func(key, ts, from, to string) string {
		return fmt.Sprintf(",\n"+`{"name":"f","cat":"task","ph":"s","ts":%[2]s,"pid":7,"tid":%[3]s,"id":"%[1]s"},{"name":"f","cat":"task","ph":"f","bp":"e","ts":%[2]s,"pid":7,"tid":%[4]s,"id":"%[1]s"}`, key, ts, from, to)
	}
	trace := `[{"name":"process_name","ph":"M","pid":7,"args":{"name":"prog","spanstack.unix_ns":"1769850300000000000"}},
{"name":"thread_name","ph":"M","pid":7,"tid":9,"args":{"name":"idle"}}` +
		slice("grand", "child", "5", "1", "3") + // before its parents
		slice("a", "", "1", "100", "1") + slice("b", "a", "2", "50", "1") + slice("child", "b", "3", "40", "2") + slice("other", "a", "60", "5", "1") +
		slice("circle", "ring", "1", "1", "4") + slice("ring", "circle", "3", "1", "4") + slice("orphan", "gone", "7", "1", "4") +
		arrow("child", "3", "1", "2") + arrow("grand", "5", "2", "3") +
		mark("4", "b", "on b", "INFO") + mark("4", "a", "on a", "INFO") +
		`,{"name":"async","cat":"async","ph":"b","ts":8,"pid":7,"tid":1,"id":"x","args":{"spanstack.id":"x","spanstack.parent":"child"}},
{"name":"async","cat":"async","ph":"e","ts":9,"pid":7,"tid":1,"id":"x"},
{"name":"async","cat":"async","ph":"b","ts":8,"pid":7,"tid":1,"id":"y","args":{"spanstack.id":"y","spanstack.parent":"a"}},
{"name":"async","cat":"async","ph":"e","ts":9,"pid":7,"tid":1,"id":"y"},
{"name":"n","ph":"C","ts":4,"pid":7,"args":{"v":1}},
{"name":"open","ph":"i","cat":"open","s":"t","ts":11,"pid":7,"tid":1},{"name":"open","ph":"i","cat":"open","s":"t","ts":11,"pid":7,"tid":5},
{"name":"live","cat":"task","ph":"B","ts":10,"pid":7,"tid":5,"args":{"spanstack.id":"live","spanstack.parent":"grand"}}]`
	for id, want := range map[string]string{
		"b": "clock process track track track track b child flow_start/child flow_end/child on_b grand " +
			"flow_start/grand flow_end/grand async async live open",
		"child":  "clock process track track track track child grand flow_start/grand flow_end/grand async async live open",
		"grand":  "clock process track track grand live open",
		"live":   "clock process track live open",
		"other":  "clock process track other",
		"ring":   "clock process track circle ring",
		"gone":   "clock process track orphan",
		"y":      "clock process track async async",
		"nobody": "clock",
	} {
		var tl timeline.Timeline
		if _, err := tl.Read(chrome.NewReader(strings.NewReader(trace))); err != nil {
			t.Fatal(err)
		}
		var got []string
		for e := range tl.Below(func(e *tracefmt.Event) bool { return e.ID == id || e.Parent == id }) {
			switch {
			case e.Kind <= tracefmt.Clock:
				got = append(got, e.Kind.String())
			case e.Kind >= tracefmt.FlowStart && e.Kind <= tracefmt.FlowEnd:
				got = append(got, strings.ReplaceAll(e.Kind.String(), " ", "_")+"/"+e.Key)
			default:
				got = append(got, strings.ReplaceAll(e.Name, " ", "_"))
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("below %s: got\n%s\nwant\n%s", id, strings.Join(got, " "), want)
		}
	}
}
