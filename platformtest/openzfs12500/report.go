package main

import (
	"fmt"
	"strings"
)

// A Report is what the cases showed on one machine.
type Report struct {
	Date   string // of the run, YYYY-MM-DD
	ZFS    string // version of the commands
	Module string // version of the kernel module
	Kernel string // release and architecture
	// TaskQ says that the module's sends write through a taskq: its symbol dump_bytes_cb is in /proc/kallsyms.
	// Without a taskq the compiler inlines that function.
	TaskQ    bool
	Patience float64 // seconds after which a process counts as hanging
	Results  []Result
}

// A Result is what one case showed.
type Result struct {
	Case    string
	Command []string
	Output  string // pipe, socket, file or null
	// Blocked is the process when it waited for its output; nil if it did not come to that.
	Blocked *Process     `json:",omitempty"`
	Steps   []StepResult `json:",omitempty"`
	// Ended is how it ended: "exit 1", "killed", "broken pipe". It is empty if nothing that was done ended it.
	Ended  string   `json:",omitempty"`
	Stderr string   `json:",omitempty"`
	Notes  []string `json:",omitempty"`
}

// A StepResult is what followed on one action.
type StepResult struct {
	Action string
	// Ended says that the process ended in the time that it was given after this action, and Seconds, when.
	Ended    bool     `json:",omitempty"`
	Seconds  float64  `json:",omitempty"`
	Hangs    bool     `json:",omitempty"` // it didn't, for as long as Report.Patience
	Process  *Process `json:",omitempty"` // if it is still there
	Commands []Other  `json:",omitempty"` // what other commands of ZFS did
}

// A Process is a process as /proc shows it, with the kernel threads that write for it.
type Process struct {
	Threads []Thread
	Writers []Thread `json:",omitempty"` // kernel threads in dump_bytes_cb
	Files   []string `json:",omitempty"` // pipes and sockets that it has open: descriptor, inode, mode
	Pending string   `json:",omitempty"` // signals that are pending for the process
}

// A Thread is a thread of a process, or of the kernel.
type Thread struct {
	ID    int
	Name  string
	State string // R, S, D, T, Z
	WChan string `json:",omitempty"`
	Stack string `json:",omitempty"` // functions of the kernel, innermost first, with " < " between
}

// An Other is another command that ran in the meantime.
type Other struct {
	Command string
	Result  string // "ok", "hangs", or what it wrote on stderr
}

// step returns the result of an action.
func (r Result) step(action string) (StepResult, bool) {
	for _, s := range r.Steps {
		if s.Action == action {
			return s, true
		}
	}
	return StepResult{}, false
}

func (p *Process) String() string {
	var b strings.Builder
	for _, t := range p.Threads {
		fmt.Fprintf(&b, "    thread %d (%s), state %s, wchan %s\n", t.ID, t.Name, t.State, t.WChan)
		writeStack(&b, t.Stack)
	}
	for _, t := range p.Writers {
		fmt.Fprintf(&b, "    written by the kernel thread %d (%s), state %s, wchan %s\n", t.ID, t.Name, t.State, t.WChan)
		writeStack(&b, t.Stack)
	}
	for _, f := range p.Files {
		fmt.Fprintf(&b, "    descriptor %s\n", f)
	}
	if p.Pending != "" {
		fmt.Fprintf(&b, "    pending: %s\n", p.Pending)
	}
	return b.String()
}

// writeStack writes a stack in lines of a readable width.
func writeStack(b *strings.Builder, stack string) {
	const width = 110
	line := "      "
	for word := range strings.FieldsSeq(stack) {
		if word != "<" && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = "       "
		}
		line += " " + word
	}
	if stack != "" {
		b.WriteString(line + "\n")
	}
}
