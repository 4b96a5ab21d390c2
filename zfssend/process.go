package zfssend

// LookAt returns what a process of this host is doing, and whether there is one that can be looked at, which is so on Linux.
func LookAt(pid int) (ProcessStatus, bool) {
	p, ok := readStatus(pid)
	if ok {
		p.look()
	}
	return p, ok
}
