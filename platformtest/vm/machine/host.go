package machine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// ErrUnavailable is matched by errors saying that this host can't build or run the machine: no Debian 12, a tool that
// isn't installed, no mirror in reach. A test may skip on it; any other error is a failure.
var ErrUnavailable = errors.New("the virtual machine is not available on this host")

// HostPackages returns the Debian packages that must be installed for [Build] and [Image.Run].
func HostPackages() []string {
	return []string{
		"qemu-system-x86", "gcc-12", "gcc", "libc6-dev", "make", "perl", "file", "libelf1", "binutils",
	}
}

// A MissingToolsError says which programs are not installed. It matches [ErrUnavailable].
type MissingToolsError struct {
	Tools []string // names of commands
}

func (e *MissingToolsError) Error() string {
	return fmt.Sprintf("find %s: not installed; install what the virtual machine needs by\n"+
		"  apt-get install --no-install-recommends %s",
		strings.Join(e.Tools, ", "), strings.Join(HostPackages(), " "))
}

// Is reports whether target is [ErrUnavailable].
func (e *MissingToolsError) Is(target error) bool { return target == ErrUnavailable }

// An UnsupportedHostError says that an image can't be built on this system. It matches [ErrUnavailable].
type UnsupportedHostError struct {
	System string // what the host is, such as "fedora 42 on linux/amd64"
}

func (e *UnsupportedHostError) Error() string {
	return fmt.Sprintf("build the virtual machine: needs Debian 12 on amd64 (a debootstrap chroot will do), this is %s", e.System)
}

// Is reports whether target is [ErrUnavailable].
func (e *UnsupportedHostError) Is(target error) bool { return target == ErrUnavailable }

const qemu = "qemu-system-x86_64"

// What only the building of an image needs. Debian's libraries are found missing by the step that uses them.
var buildTools = []string{"gcc-12", "gcc", "make", "perl", "file", "strip", "apt-get", "apt-cache", "apt-config", "dpkg-deb"}

func checkBuildHost() error {
	var id, version string
	if f, err := os.Open("/etc/os-release"); err == nil {
		id, version = hostRelease(f)
		f.Close()
	}
	if id != "debian" || version != "12" || runtime.GOARCH != "amd64" {
		if id == "" {
			id = "an unknown system"
		}
		return &UnsupportedHostError{fmt.Sprintf("%s %s on %s/%s", id, version, runtime.GOOS, runtime.GOARCH)}
	}
	// QEMU is looked for before minutes are spent on an image for it.
	return checkTools(append([]string{qemu}, buildTools...))
}

func checkTools(tools []string) error {
	var missing []string
	for _, t := range tools {
		if _, err := exec.LookPath(t); err != nil {
			missing = append(missing, t)
		}
	}
	if missing != nil {
		return &MissingToolsError{missing}
	}
	return nil
}

// hostRelease reads os-release(5), as ID and VERSION_ID.
func hostRelease(r io.Reader) (id, version string) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		key, value, _ := strings.Cut(s.Text(), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = value
		case "VERSION_ID":
			version = value
		}
	}
	return id, version
}
