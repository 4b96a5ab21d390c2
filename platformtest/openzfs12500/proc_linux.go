package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// inspect returns what /proc tells of a process now, and of the kernel threads that write for a zfs send. Threads in known,
// which did so before, aren't among them.
func inspect(pid int, known map[int]bool) *Process {
	p := &Process{Threads: threads(pid), Files: files(pid), Pending: pending(pid)}
	for _, t := range writers() {
		if !known[t.ID] {
			p.Writers = append(p.Writers, t)
		}
	}
	return p
}

// threads returns the threads of a process; none if it has ended.
func threads(pid int) []Thread {
	var list []Thread
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, dir := range tasks {
		if t, err := readThread(dir); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// files returns the pipes and sockets that a process has open, with their descriptors and modes.
func files(pid int) []string {
	var list []string
	all, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, name := range all {
		target, err := os.Readlink(name)
		if err != nil || !strings.HasPrefix(target, "pipe:") && !strings.HasPrefix(target, "socket:") {
			continue
		}
		mode := ""
		if info, err := os.Lstat(name); err == nil { // the link's permissions are the modes of the descriptor
			if info.Mode()&0o400 != 0 {
				mode += "r"
			}
			if info.Mode()&0o200 != 0 {
				mode += "w"
			}
		}
		list = append(list, filepath.Base(name)+" "+target+" "+mode)
	}
	return list
}

func readThread(dir string) (t Thread, err error) {
	// ID (NAME) STATE ...: the name may hold anything.
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if err != nil || open < 0 || end+2 >= len(stat) {
		return t, errors.Join(err, errors.New("no such thread"))
	}
	t.ID, _ = strconv.Atoi(strings.TrimSpace(string(stat[:open])))
	t.Name, t.State = string(stat[open+1:end]), string(stat[end+2:end+3])
	if wchan, err := os.ReadFile(filepath.Join(dir, "wchan")); err == nil && string(wchan) != "0" {
		t.WChan = string(wchan)
	}
	stack, _ := os.ReadFile(filepath.Join(dir, "stack")) // readable for root
	var functions []string
	for line := range strings.Lines(string(stack)) {
		// [<0>] pipe_write+0x3bd/0x5b0
		_, f, ok := strings.Cut(line, "] ")
		f, _, named := strings.Cut(f, "+")
		if ok && named {
			functions = append(functions, f)
		}
	}
	t.Stack = strings.Join(functions, " < ")
	return t, nil
}

// writers returns the threads of the kernel that write for a zfs send: they are in dump_bytes_cb.
func writers() []Thread {
	var list []Thread
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		if text, err := os.ReadFile(filepath.Join(dir, "cmdline")); err != nil || len(text) > 0 {
			continue // not a kernel thread
		}
		t, err := readThread(dir)
		if err == nil && strings.Contains(t.Stack, "dump_bytes_cb") {
			list = append(list, t)
		}
	}
	return list
}

// pending returns the signals that wait to be handled, as /proc shows them: for the thread, and for the process.
func pending(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	var list []string
	for line := range strings.Lines(string(text)) {
		name, mask, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if (name == "SigPnd" || name == "ShdPnd") && strings.Trim(mask, "0") != "" {
			list = append(list, name+" "+mask)
		}
	}
	return strings.Join(list, ", ")
}

// hasTaskQ reports whether the module's sends write through a taskq.
func hasTaskQ() (bool, error) {
	text, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		return false, err
	}
	if !bytes.Contains(text, []byte("\t[zfs]")) && !bytes.Contains(text, []byte(" zfs_ioc_send_new")) {
		return false, errors.New("/proc/kallsyms has no symbols of the zfs module: is it loaded?")
	}
	return bytes.Contains(text, []byte(" dump_bytes_cb")), nil
}
