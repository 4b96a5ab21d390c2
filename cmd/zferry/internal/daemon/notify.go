package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/spanstack/spanstack/logging"
)

// notifySystemd tells systemd, if it has started the program.
func notifySystemd(state string) error {
	_, err := systemd.SdNotify(false, state)
	return err
}

// Watchdog returns how often systemd wants to hear from the program; 0 is never.
func Watchdog() (time.Duration, error) { return systemd.SdWatchdogEnabled(false) }

// reloading is what Type=notify-reload wants: with the time, so that what comes later can be told apart.
func reloading() string {
	return systemd.SdNotifyReloading + "\n" + strings.TrimSuffix(systemd.SdNotifyMonotonicUsec(), "\n")
}

func (d *Daemon) notify(ctx context.Context, state string) {
	if err := d.options.Notify(state); err != nil {
		logging.GetLogger(ctx, subsystem).Warn("systemd can't be told", "state", state, "error", err)
	}
}

// beat is called by the scheduler's loop, and by nothing else: the watchdog hears of a loop that is alive. Errors are those of a
// service manager that goes, and of no use here.
func (d *Daemon) beat() {
	if d.options.Watchdog > 0 {
		_ = d.options.Notify(systemd.SdNotifyWatchdog)
	}
	line := d.Status().line()
	d.mu.Lock()
	changed := line != d.statusUp
	d.statusUp = line
	d.mu.Unlock()
	if changed {
		_ = d.options.Notify("STATUS=" + line)
	}
}

// line is the status in a line.
func (s *Status) line() string {
	var parts []string
	failed := 0
	var next *JobStatus
	for i := range s.Jobs {
		j := &s.Jobs[i]
		if j.Failed || j.Stuck || len(j.Alerts) > 0 {
			failed++
		}
		if j.State == StateRunning && j.Step != nil {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s: %s %s", j.Name, j.Step.Step, j.Step.Target)))
		}
		if !j.Next.IsZero() && (next == nil || j.Next.Before(next.Next)) {
			next = j
		}
	}
	if failed > 0 {
		parts = append([]string{fmt.Sprintf("%d of %d jobs have problems", failed, len(s.Jobs))}, parts...)
	}
	if s.Config.Error != "" {
		parts = append([]string{"the new configuration is wrong"}, parts...)
	}
	if len(parts) == 0 && next != nil {
		parts = append(parts, fmt.Sprintf("next: %s at %s", next.Name, next.Next.Local().Format("Jan 2 15:04:05")))
	}
	if len(parts) == 0 {
		return "idle"
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), "\n", " ")
}

func firstLine(s string) string {
	line, rest, _ := strings.Cut(s, "\n")
	if rest != "" {
		line += " …"
	}
	return line
}
