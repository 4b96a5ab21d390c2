//go:build !linux

package zfssend

// family knows nothing on this platform.
type family struct{}

func familyOf(int) (f family)               { return f }
func (family) tree() (l []ProcessStatus)    { return l }
func (family) look() (l []ProcessStatus)    { return l }
func (family) orphans() (l []ProcessStatus) { return l }

func (p ProcessStatus) kill() {}

func readStatus(int) (p ProcessStatus, ok bool) { return p, false }

func (p *ProcessStatus) look() {}
