package catapult_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/browsertest/catapult"
	"github.com/spanstack/spanstack/browsertest/catapult/catapulttest"
)

func readTestdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// testdata/spanstack.json has one of everything that we write, and stops as a
// file does whose writer was killed. Its outline was made by hand.
func TestSpanstackTrace(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{})
	report, err := v.Load(t.Context(), readTestdata(t, "spanstack.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := dedent(`
		process 4711 zferry
		  counter bytes sent: bytes 600=0 900=67108864
		  lane 1 replicate
		    replicate 10.125+1090 aaaaaaaaaaaaa
		      plan 50.001+349.999 eeeeeeeeeeeee
		        zfs list 100.25+250.125 bbbbbbbbbbbbb
		          listed 12 datasets 120.001+0
		  lane 2 step
		    step 500.5+499.5 ccccccccccccc
		      zfs send 600+320 ddddddddddddd
		    ~ transfer 610+300 fffffffffffff
		  lane 3 step #2
		    step 700+500 ggggggggggggg open
		      zfs send 750.75+449.25 hhhhhhhhhhhhh open
		        send is stuck 1200+0
		flow replicate -> step at 500.5
		flow replicate -> step at 700
	`)
	if got := outline(report); got != want {
		t.Errorf("the viewer shows\n%s\nwant\n%s", got, want)
	}

	replicate := report.Threads()[0].Slices[0]
	if got, want := fmt.Sprint(replicate.Args), "map[dataset:tank/db error:step: cancelled spanstack.id:aaaaaaaaaaaaa]"; got != want {
		t.Errorf("args of B and E together are %s, want %s", got, want)
	}
	if to := report.Flows[0].To; to.Thread.TID != 2 || to.Args["spanstack.id"] != "ccccccccccccc" {
		t.Errorf("first arrow ends at %s %v in lane %d", to.Title, to.Args, to.Thread.TID)
	}
}

func TestScreenshot(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{Width: 1000, Height: 500})
	if _, err := v.Screenshot(t.Context(), catapult.ScreenshotOptions{}); err == nil {
		t.Error("a screenshot without a trace succeeded")
	}
	report, err := v.Load(t.Context(), readTestdata(t, "spanstack.json"))
	if err != nil {
		t.Fatal(err)
	}

	shot := func(opt catapult.ScreenshotOptions, width, height int) []byte {
		t.Helper()
		data, err := v.Screenshot(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != width || b.Dy() != height {
			t.Errorf("screenshot has %d x %d pixels, want %d x %d", b.Dx(), b.Dy(), width, height)
		}
		return data
	}
	plain := shot(catapult.ScreenshotOptions{}, 1000, 500)
	selected := shot(catapult.ScreenshotOptions{Select: report.Threads()[0].Slices[0]}, 1000, 500)
	if bytes.Equal(plain, selected) {
		t.Error("selecting a slice changes nothing in the picture")
	}
	if again := shot(catapult.ScreenshotOptions{}, 1000, 500); !bytes.Equal(plain, again) {
		t.Error("the same trace drawn twice gives two pictures")
	}

	zoomed := shot(catapult.ScreenshotOptions{FromMs: 0.5, ToMs: 0.6}, 1000, 500)
	if bytes.Equal(plain, zoomed) {
		t.Error("another time range changes nothing in the picture")
	}

	gone := &catapult.Slice{GUID: 1 << 40}
	if _, err := v.Screenshot(t.Context(), catapult.ScreenshotOptions{Select: gone}); err == nil || !strings.Contains(err.Error(), "no slice") {
		t.Errorf("selecting a slice of another trace gives error %v", err)
	}
}

// The viewer draws no arrows unless it is told to, and covers the top of the
// timeline with a yellow notice about its polyfill.
func TestScreenshotShowsArrowsAndNoNotice(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{Width: 1000, Height: 500})
	draw := func(trace []byte) image.Image {
		t.Helper()
		if _, err := v.Load(t.Context(), trace); err != nil {
			t.Fatal(err)
		}
		data, err := v.Screenshot(t.Context(), catapult.ScreenshotOptions{})
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	with := readTestdata(t, "spanstack.json")
	var without []byte
	for line := range bytes.Lines(with) {
		if !bytes.Contains(line, []byte(`"ph":"s"`)) && !bytes.Contains(line, []byte(`"ph":"f"`)) {
			without = append(without, line...)
		}
	}
	one, other := draw(with), draw(without)
	arrows, yellow := 0, 0
	for y := range 500 {
		for x := range 1000 {
			if one.At(x, y) != other.At(x, y) {
				arrows++
			}
			if r, g, b, _ := one.At(x, y).RGBA(); r > 0xf000 && g > 0xe000 && b < 0xd000 {
				yellow++
			}
		}
	}
	if arrows < 20 {
		t.Errorf("arrows change %d pixels of the picture", arrows)
	}
	if yellow > 100 {
		t.Errorf("%d pixels are yellow as the notice is", yellow)
	}
}

// A screenshot grows only as far as the lanes need, and the window returns to
// its size.
func TestScreenshotGrows(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{Width: 800, Height: 400})
	var trace strings.Builder
	trace.WriteString("[")
	for lane := 1; lane <= 60; lane++ {
		fmt.Fprintf(&trace, `{"ph":"X","pid":1,"tid":%d,"name":"task %[1]d","cat":"task","ts":%[1]d,"dur":100},`, lane)
	}
	if _, err := v.Load(t.Context(), []byte(trace.String())); err != nil {
		t.Fatal(err)
	}
	height := func(maxHeight int) int {
		t.Helper()
		data, err := v.Screenshot(t.Context(), catapult.ScreenshotOptions{MaxHeight: maxHeight})
		if err != nil {
			t.Fatal(err)
		}
		config, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return config.Height
	}
	if got := height(0); got != 400 {
		t.Errorf("height is %d, want the window's 400", got)
	}
	if got := height(1000); got != 1000 {
		t.Errorf("height is %d, want the limit 1000", got)
	}
	if got := height(10000); got <= 1000 || got >= 3000 {
		t.Errorf("60 lanes make the picture %d pixels high, want 1000 to 3000", got)
	}
	if got := height(0); got != 400 {
		t.Errorf("height is %d afterwards, want 400", got)
	}
}

func TestLoadErrors(t *testing.T) {
	v := catapulttest.Start(t, catapult.Options{})
	for _, text := range []string{" ", "no trace", `[{"ph":"X","pid":1,"tid":1,"na`, `{"traceEvents":[`} {
		_, err := v.Load(t.Context(), []byte(text))
		if _, ok := errors.AsType[*catapult.ImportError](err); !ok {
			t.Errorf("loading %q gives %v, want an *ImportError", text, err)
		}
	}
	if _, err := v.Load(t.Context(), readTestdata(t, "spanstack.json")); err != nil {
		t.Errorf("after broken traces a good one fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Load(ctx, readTestdata(t, "spanstack.json")); !errors.Is(err, context.Canceled) {
		t.Errorf("loading with a cancelled context gives %v", err)
	}
}

func TestMissing(t *testing.T) {
	for _, opt := range []catapult.Options{
		{Chromium: filepath.Join(t.TempDir(), "chromium")},
		{Chromium: "/bin/true", ViewerDir: t.TempDir()},
	} {
		v, err := catapult.Start(t.Context(), opt)
		if _, ok := errors.AsType[*catapult.MissingError](err); !ok || v != nil {
			t.Errorf("Start(%+v) gives %v, want a *MissingError", opt, err)
		}
	}
}

// A program that is not a browser must give an error, and leave nothing.
func TestStartFails(t *testing.T) {
	catapulttest.Start(t, catapult.Options{}).Close() // skips without a browser
	tmp := catapulttest.TempDir(t)
	if _, err := catapult.Start(t.Context(), catapult.Options{Chromium: "/bin/true"}); err == nil {
		t.Error("/bin/true served as a browser")
	}
	catapulttest.NoLeftovers(t, tmp)
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	v := catapulttest.Start(t, catapult.Options{})
	for range 2 {
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Load(t.Context(), []byte("[]")); err == nil {
		t.Error("Load succeeds after Close")
	}
	noMoreGoroutines(t, before)
}

// Cancelling the context of Start is what Ctrl-C does.
func TestCancel(t *testing.T) {
	catapulttest.Start(t, catapult.Options{}).Close() // skips without a browser
	before := runtime.NumGoroutine()
	tmp := catapulttest.TempDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	v, err := catapult.Start(ctx, catapult.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := v.Load(t.Context(), []byte("[]")); err == nil {
		t.Error("Load succeeds after the context of Start was cancelled")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	catapulttest.NoLeftovers(t, tmp)
	noMoreGoroutines(t, before)
}

// noMoreGoroutines waits until no more goroutines run than before: those of
// finished connections end shortly after Close.
func noMoreGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}
