package machine

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spanstack/spanstack/internal/terminal"
)

// NewProgress returns a function for [BuildOptions.Progress] that tells a person about the build on w. On a terminal the
// current step is one line that changes; elsewhere a step is a line when it starts and one when it ends.
func NewProgress(w io.Writer) func(Event) {
	p := &progress{w: w, live: isTerminal(w)}
	return p.event
}

type progress struct {
	w    io.Writer
	live bool
}

func (p *progress) event(e Event) {
	switch e.Kind {
	case Note:
		p.print("vm: " + e.Text)
	case StepStarted:
		if p.live {
			p.draw(e)
		} else {
			p.print(fmt.Sprintf("%s (about %s)", label(e), rough(e.Expected)))
		}
	case StepRunning:
		if p.live {
			p.draw(e)
		}
	case StepDone:
		p.print(fmt.Sprintf("%s: done in %s", label(e), seconds(e.Elapsed)))
		if e.Step == e.Steps {
			p.print(fmt.Sprintf("vm: built in %s", seconds(e.TotalElapsed)))
		}
	case StepFailed:
		p.print(fmt.Sprintf("%s: failed after %s", label(e), seconds(e.Elapsed)))
	}
}

func label(e Event) string { return fmt.Sprintf("vm: [%d/%d] %s", e.Step, e.Steps, e.Text) }

const clearLine = "\r\x1b[K"

// print writes a whole line, in place of the one that changes.
func (p *progress) print(s string) {
	if p.live {
		s = clearLine + s
	}
	fmt.Fprintln(p.w, s)
}

func (p *progress) draw(e Event) {
	fmt.Fprintf(p.w, "%s%s: %s of about %s, in all %s of about %s", clearLine, label(e),
		seconds(e.Elapsed), rough(e.Expected), seconds(e.TotalElapsed), rough(e.TotalExpected))
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return rough(d)
}

func rough(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 120 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d:%02d min", s/60, s%60)
}

// isTerminal reports whether w is a terminal that understands escape sequences.
func isTerminal(w io.Writer) bool {
	return terminal.Is(w) && !strings.HasPrefix(os.Getenv("TERM"), "dumb")
}
