package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kernelArgs make the guest boot quickly and end on any fault. QEMU exits when the guest resets (-no-reboot), so
// panic=-1, which resets at once, ends a run that dies.
var kernelArgs = []string{
	"console=ttyS0", "quiet", "panic=-1", "oops=panic", "reboot=t",
	"mitigations=off", "nokaslr", "tsc=reliable", "no_timer_check", "cryptomgr.notests", "random.trust_cpu=on",
	"rcupdate.rcu_expedited=1",
}

// hardware is what the guest runs on.
type hardware struct {
	memoryMiB, cpus int
	kvm             bool
}

// useKVM reports whether hardware virtualisation backs /dev/kvm. Its presence alone proves nothing: the paravirtual
// kvm_pvm offers the device, but can't run an unmodified kernel.
func useKVM(sys string) bool {
	for _, m := range []string{"kvm_intel", "kvm_amd"} {
		if _, err := os.Stat(filepath.Join(sys, "module", m)); err != nil {
			continue
		}
		if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
			f.Close()
			return true
		}
	}
	return false
}

// args returns the arguments common to all runs.
func (h hardware) args(kernel, initrd string) []string {
	// Emulation is quicker with the fewer extensions of an older processor: 2.0 in place of 2.4 seconds for a boot.
	// It is an x86-64-v2 one; with rdrand, so that the guest's random numbers are ready at once.
	accel := []string{"-accel", "tcg,thread=multi", "-cpu", "Nehalem,+rdrand"}
	if h.kvm {
		accel = []string{"-accel", "kvm", "-cpu", "host"}
	}
	return append(accel,
		"-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot", "-machine", "q35",
		"-smp", fmt.Sprint(h.cpus), "-m", fmt.Sprint(h.memoryMiB), "-rtc", "base=utc,clock=host",
		"-kernel", kernel, "-initrd", initrd, "-append", strings.Join(kernelArgs, " "))
}

// portArgs returns the arguments for virtio-serial ports whose other ends are the sockets in file descriptors from
// firstFD on.
func portArgs(firstFD int, names []string) []string {
	args := []string{"-device", "virtio-serial-pci"}
	for i, name := range names {
		args = append(args,
			"-chardev", fmt.Sprintf("socket,id=%s,fd=%d", name, firstFD+i),
			"-device", fmt.Sprintf("virtserialport,nr=%d,chardev=%s,name=%s", i+1, name, name))
	}
	return args
}
