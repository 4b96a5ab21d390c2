package zfssend

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// family is a process and its descendants. Those that have lost their parent are recognised by its stderr, a pipe that they
// hold, too, and by its process group, which they are in unless they are daemons.
type family struct {
	root   ProcessStatus
	stderr string // "pipe:[INODE]"; "" if it isn't known
}

// familyOf returns the family of a process that has just been started and isn't waited for yet.
func familyOf(pid int) family {
	root, _ := readStatus(pid)
	return family{root, stderrOf(pid)}
}

// tree returns the process and its descendants, parents first. It is empty if the process is gone.
func (f family) tree() []ProcessStatus {
	root, ok := readStatus(f.root.PID)
	if !ok || root.started != f.root.started {
		return nil
	}
	children := make(map[int][]ProcessStatus)
	for _, p := range processes() {
		children[p.Parent] = append(children[p.Parent], p)
	}
	tree := []ProcessStatus{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i].PID]...)
	}
	return tree
}

// look is tree with what the kernel tells of what they are doing.
func (f family) look() []ProcessStatus {
	tree := f.tree()
	for i := range tree {
		tree[i].look()
	}
	return tree
}

// orphans returns the descendants that aren't in the tree.
func (f family) orphans() []ProcessStatus {
	if f.stderr == "" {
		return nil
	}
	inTree := make(map[int]bool)
	for _, p := range f.tree() {
		inTree[p.PID] = true
	}
	return slices.DeleteFunc(processes(), func(p ProcessStatus) bool {
		return inTree[p.PID] || p.group != f.root.group || stderrOf(p.PID) != f.stderr
	})
}

// processes returns all processes.
func processes() []ProcessStatus {
	var list []ProcessStatus
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			if p, ok := readStatus(pid); ok {
				list = append(list, p)
			}
		}
	}
	return list
}

// stderrOf returns which file is the stderr of a process, "" if that can't be known.
func stderrOf(pid int) string {
	file, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd/2"))
	return file
}

// readStatus reads "PID (NAME) STATE PPID ...", where NAME can hold anything, and the 22nd field is the time of its start.
func readStatus(pid int) (ProcessStatus, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if err != nil || open < 0 || end < open {
		return ProcessStatus{}, false
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 {
		return ProcessStatus{}, false
	}
	p := ProcessStatus{PID: pid, Name: string(text[open+1 : end]), State: fields[0], started: fields[19]}
	p.Parent, _ = strconv.Atoi(fields[1])
	p.group, _ = strconv.Atoi(fields[2])
	return p, true
}

// kill sends SIGKILL to the process, unless another one has its number meanwhile.
func (p ProcessStatus) kill() {
	send := func() error { return unix.Kill(p.PID, unix.SIGKILL) }
	switch fd, err := unix.PidfdOpen(p.PID, 0); err {
	case nil:
		defer unix.Close(fd)
		send = func() error { return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) }
	case unix.ENOSYS, unix.EPERM: // Linux before 5.3, or a sandbox: then there is a moment for the number to change hands
	default:
		return
	}
	if now, ok := readStatus(p.PID); ok && now.started == p.started {
		_ = send()
	}
}

// look adds what the kernel tells about a sleeping process.
func (p *ProcessStatus) look() {
	dir := filepath.Join("/proc", strconv.Itoa(p.PID))
	if text, err := os.ReadFile(filepath.Join(dir, "wchan")); err == nil && string(text) != "0" {
		p.WaitChannel = string(text)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "stack")) // "[<0>] taskq_wait_id+0x5d/0xb0 [spl]"
	for line := range strings.Lines(string(text)) {
		_, call, _ := strings.Cut(line, "] ")
		call, _, _ = strings.Cut(strings.TrimSpace(call), "+")
		if strings.HasPrefix(call, "do_syscall") {
			break // the same for all from here on
		}
		if call != "" {
			p.Stack = append(p.Stack, call)
		}
	}
}
