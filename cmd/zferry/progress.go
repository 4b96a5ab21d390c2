package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/spanstack/spanstack/zfssend/replicate"
)

// newProgress shows on a terminal how far a replication is: one line for all of it, with what takes longest at the moment. It
// returns the function that the replication calls, and the one to call after it.
func newProgress(w io.Writer) (update func(replicate.Progress), stop func()) {
	all := mpb.New(mpb.WithOutput(w), mpb.WithWidth(20))
	title := ""
	bar := all.AddSpinner(0,
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return title })),
		mpb.AppendDecorators(decor.CurrentKibiByte("% .1f, "), decor.AverageSpeed(decor.SizeB1024(0), "% .1f, "), decor.Elapsed(decor.ET_STYLE_GO)))
	update = func(now replicate.Progress) {
		title = describeProgress(now)
		bar.SetCurrent(now.Bytes)
	}
	stop = func() {
		bar.SetTotal(-1, true)
		all.Wait()
	}
	return update, stop
}

// describeProgress names the step that runs the longest.
func describeProgress(now replicate.Progress) string {
	text := fmt.Sprintf("%d of %d steps", now.Steps, now.Total)
	if len(now.Active) == 0 {
		return text + " "
	}
	a := now.Active[0]
	text += fmt.Sprintf(", %s %s", a.Plan.Destination, a.Plan.Steps[a.Step])
	if age := time.Since(a.Since); age > 10*time.Second {
		text += fmt.Sprintf(" for %v", age.Round(time.Second))
	}
	if others := len(now.Active) - 1; others > 0 {
		text += fmt.Sprintf(" and %d more", others)
	}
	return text + " "
}
