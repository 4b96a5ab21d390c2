package main

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/spanstack/spanstack/zfssend/replicate"
)

// newProgress shows on a terminal how far a replication is. It returns the function that the replication calls, and
// the one to call after it.
func newProgress(w io.Writer, plan *replicate.Plan) (update func(replicate.Progress), stop func()) {
	all := mpb.New(mpb.WithOutput(w), mpb.WithWidth(20))
	var bar *mpb.Bar
	step := -1
	finish := func() {
		if bar != nil {
			bar.SetTotal(-1, true)
		}
	}
	update = func(now replicate.Progress) {
		if now.Step != step {
			finish()
			step = now.Step
			title := fmt.Sprintf("step %d of %d: %s ", step+1, len(plan.Steps), plan.Steps[step])
			bar = all.AddSpinner(0,
				mpb.PrependDecorators(decor.Name(title)),
				mpb.AppendDecorators(decor.CurrentKibiByte("% .1f, "), decor.AverageSpeed(decor.SizeB1024(0), "% .1f, "), decor.Elapsed(decor.ET_STYLE_GO)))
		}
		bar.SetCurrent(now.Bytes)
	}
	stop = func() {
		finish()
		all.Wait()
	}
	return update, stop
}
