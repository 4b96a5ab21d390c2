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

// processTree returns a process and its descendants, parents first. It is empty if there is no such process.
func processTree(root int) []ProcessStatus {
	children := make(map[int][]int)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			if p, ok := readStatus(pid); ok {
				children[p.Parent] = append(children[p.Parent], pid)
			}
		}
	}
	var tree []ProcessStatus
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		p, ok := readStatus(queue[0])
		if !ok {
			continue
		}
		p.look()
		tree = append(tree, p)
		queue = slices.Concat(queue, children[p.PID])
	}
	return tree
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
	return p, true
}

// kill sends SIGKILL to the process, unless another one has its number meanwhile.
func (p ProcessStatus) kill() {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if now, ok := readStatus(p.PID); ok && now.started == p.started {
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
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
