package zfssend

import (
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestBookmark(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, testBookmark)
}

func testBookmark(t *testing.T, zfs version) {
	ctx := t.Context()
	three := Bookmark{Source: "tank/a@three 3", Name: "#three 3"}
	if err := fake(zfs.replay(t, "bookmark")...).Bookmark(ctx, three); err != nil {
		t.Error(err)
	}
	// It exists: whether that is fine depends on the GUIDs, which are the same here.
	one := Bookmark{Source: "tank/a@one", Name: "tank/a#one"}
	scripts := zfstest.Scripts{"bookmark": zfs.replay(t, "bookmark-exists"), "get": zfs.replay(t, "get-guid")}
	if err := scripted(scripts).Bookmark(ctx, one); err != nil {
		t.Error(err)
	}
	scripts["get"] = []zfstest.Action{zfstest.Print("tank/a@one\t1\ntank/a#one\t2\n")}
	err := scripted(scripts).Bookmark(ctx, one)
	if wantBatch(t, err, "tank/a#one: already exists"); !strings.Contains(err.Error(), "not of tank/a@one") {
		t.Error(err)
	}
	scripts["get"] = zfs.replay(t, "get-guid-missing")
	wantBatch(t, scripted(scripts).Bookmark(ctx, Bookmark{"tank/a@missing", "#one"}), "tank/a#one: not found")
	scripts["get"] = []zfstest.Action{zfstest.Print("tank/a@one\t1\n"), zfstest.Stderr("cannot open 'tank/a#one': no such pool or dataset\n"), zfstest.Exit(1)}
	wantBatch(t, scripted(scripts).Bookmark(ctx, one), "tank/a#one: not found")
	scripts["get"] = []zfstest.Action{zfstest.Print("tank/a@one\tx\n")}
	wantBatch(t, scripted(scripts).Bookmark(ctx, one), "tank/a#one: unknown cause")

	wantBatch(t, fake(zfs.replay(t, "bookmark-missing")...).Bookmark(ctx, Bookmark{"tank/a@missing", "#m"}), "tank/a#m: not found")
	wantBatch(t, fake(zfs.replay(t, "bookmark-no-dataset")...).Bookmark(ctx, Bookmark{"tank/a@two", "tank/nothing#m"}), "tank/nothing#m: not found")
	wantBatch(t, fake(zfs.replay(t, "denied-bookmark")...).Bookmark(ctx, Bookmark{"tank/a@one", "#u"}), "tank/a#u: permission denied")
}

// TestBookmarkProgram: several are made by one process, if that is permitted, and if not, one by one.
func TestBookmarkProgram(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, testBookmarkProgram)
}

func testBookmarkProgram(t *testing.T, zfs version) {
	ctx := t.Context()
	several := []Bookmark{{"tank/a@two", "#new"}, {"tank/a@two", "#one"}, {"tank/a@missing", "#m"}}
	scripts := zfstest.Scripts{
		"program -j tank - tank/a@two tank/a#new tank/a@two tank/a#one tank/a@missing tank/a#m": zfs.replay(t, "program-bookmark"),
		"get -Hp -o name,value guid tank/a#one tank/a@two":                                      {zfstest.Print("tank/a#one\t1\ntank/a@two\t2\n")},
	}
	wantBatch(t, scripted(scripts).Bookmark(ctx, several...), "tank/a#m: not found", "tank/a#one: already exists")

	for name, denied := range map[string][]zfstest.Action{
		"denied":          zfs.replay(t, "denied-program"),
		"no such command": {zfstest.Stderr("unrecognized command 'program'\nusage: zfs command args ...\n"), zfstest.Exit(2)},
		"no JSON":         {zfstest.Print("hello")},
		"no result":       {zfstest.Print("{}")},
		"other result":    {zfstest.Print(`{"return":"x"}`)},
	} {
		scripts := zfstest.Scripts{
			"program":                            denied,
			"bookmark tank/a@two tank/a#new":     nil,
			"bookmark tank/a@two tank/a#one":     zfs.replay(t, "bookmark-exists"),
			"bookmark tank/a@missing tank/a#m":   zfs.replay(t, "bookmark-missing"),
			"get -Hp -o name,value guid tank/a#": {zfstest.Print("tank/a#one\t2\ntank/a@two\t2\n")},
		}
		t.Run(name, func(t *testing.T) {
			wantBatch(t, scripted(scripts).Bookmark(ctx, several...), "tank/a#m: not found")
		})
	}
	if result, err := parseProgram([]byte(zfs.run(t, "program-ok").stdout)); len(result) != 0 || err != nil {
		t.Errorf("got %v, %v", result, err)
	}
	// Arguments are never a part of the program.
	if strings.Contains(bookmarkLua, "tank") || len(bookmarkLua) > 4096 {
		t.Error(bookmarkLua)
	}
	for errno, want := range map[int]Cause{2: NotFound, 17: AlreadyExists, 16: Busy, 1: PermissionDenied, 28: NoSpace, 5: PoolIO, 18: Unknown} {
		if got := errnoCause(errno); got != want || errnoMessage(errno) == "" {
			t.Errorf("%d is %v, %s", errno, got, errnoMessage(errno))
		}
	}
}
