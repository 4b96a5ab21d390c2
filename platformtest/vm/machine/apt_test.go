package machine

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSourcesFromTargets(t *testing.T) {
	const key = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
	row := func(f ...string) string { return strings.Join(f, "\t") + "\n" }
	for name, c := range map[string]struct{ targets, want string }{
		"with security": {
			row("deb", "bookworm", "bookworm", "main", "http://m/debian/") +
				row("deb", "bookworm", "bookworm", "main", "http://m/debian/") + // a second target of the same source
				row("deb", "bookworm-updates", "bookworm-updates", "main", "http://m/debian/") +
				row("deb", "bookworm-security", "bookworm-security", "main", "http://m/sec/") +
				row("deb", "nodistro", "nodistro", "main", "https://elsewhere/"),
			key + "http://m/debian/ bookworm main contrib\n" + key + "http://m/sec/ bookworm-security main\n"},
		"as debootstrap leaves it": {
			row("deb", "bookworm", "bookworm", "main", "http://m/debian/"),
			key + "http://m/debian/ bookworm main contrib\n"},
		"named by its state": {
			row("deb", "bookworm", "oldstable", "main", "http://m/debian/"),
			key + "http://m/debian/ bookworm main contrib\n"},
		"without release information": {
			row("deb", "$(CODENAME)", "bookworm", "main", "http://m/debian/"),
			key + "http://m/debian/ bookworm main contrib\n"},
		"two mirrors": {
			row("deb", "bookworm", "bookworm", "main", "http://m/") + row("deb", "bookworm", "bookworm", "main", "http://n/"),
			key + "http://m/ bookworm main contrib\n" + key + "http://n/ bookworm main contrib\n"},
		"security alone":  {row("deb", "bookworm-security", "bookworm-security", "main", "http://m/sec/"), ""},
		"another release": {row("deb", "trixie", "trixie", "main", "http://m/debian/"), ""},
		"sources alone":   {row("deb-src", "bookworm", "bookworm", "main", "http://m/debian/"), ""},
		"nothing":         {"", ""},
	} {
		if got := sourcesFromTargets(c.targets, nil); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

// A line that borrows packages must get these and no others: not a newer kernel, and no newer libraries than it needs.
func TestBorrowedSuites(t *testing.T) {
	l := line{name: "2.4", borrowed: []suite{{name: "trixie", packages: []string{"libc6", "libc-bin"}}, {name: "trixie-backports"}}}
	const key = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
	targets := "deb\tbookworm-security\tbookworm-security\tmain\thttp://m/sec/\n" +
		"deb\tbookworm\tbookworm\tmain\thttp://m/debian/\n" + "deb\tsid\tsid\tmain\thttp://n/debian/\n"
	want := key + "http://m/sec/ bookworm-security main\n" + key + "http://m/debian/ bookworm main contrib\n" +
		key + "http://m/debian/ trixie main contrib\n" + key + "http://m/debian/ trixie-backports main contrib\n"
	if got := sourcesFromTargets(targets, l.borrowed); got != want {
		t.Errorf("sources: got\n%swant\n%s", got, want)
	}
	want = `Package: src:zfs-linux
Pin: version 2.4.*
Pin-Priority: 990

Package: libc6 libc-bin
Pin: release n=trixie
Pin-Priority: 990

Package: *
Pin: release n=trixie
Pin-Priority: -1

Package: *
Pin: release n=trixie-backports
Pin-Priority: -1

`
	if got := preferences(l); got != want {
		t.Errorf("preferences: got\n%swant\n%s", got, want)
	}
}

// TestPreferences has apt itself choose, from an archive on disk.
func TestPreferences(t *testing.T) {
	if _, err := exec.LookPath("apt-cache"); err != nil {
		t.Skip("needs Debian's apt: ", err)
	}
	dir := t.TempDir()
	archiveDir := filepath.Join(dir, "archive")
	var sources strings.Builder
	for suite, packages := range map[string]map[string]string{ // name to version, "source/name" if they differ
		"bookworm": {"zfs-linux/zfs-dkms": "2.1.11-1", "libc6": "2.36-9", "sudo": "1.9.13", kernelPackage: "6.1.176-1"},
		"trixie":   {"zfs-linux/zfs-dkms": "2.3.9-0", "libc6": "2.41-12", "sudo": "1.9.16", kernelPackage: "6.12.1-1"},
		"trixie-backports": {"zfs-linux/zfs-dkms": "2.4.4-1~bpo13+1", "zfs-linux/libzfs7linux": "2.4.4-1~bpo13+1",
			"libc6": "2.43-1", kernelPackage: "7.3.4-1"},
		"bookworm-backports": {"zfs-linux/zfs-dkms": "2.3.2-2~bpo12+2", kernelPackage: "6.12.95-1"},
	} {
		writeSuite(t, archiveDir, suite, packages)
		sources.WriteString("deb [trusted=yes] file:" + archiveDir + " " + suite + " main\n")
	}
	for _, c := range []struct {
		line string
		want map[string]string
	}{
		{"2.1", map[string]string{"zfs-dkms": "2.1.11-1"}},
		{"2.3", map[string]string{"zfs-dkms": "2.3.2-2~bpo12+2", kernelPackage: "6.1.176-1"}},
		{"2.4", map[string]string{"zfs-dkms": "2.4.4-1~bpo13+1", "libzfs7linux": "2.4.4-1~bpo13+1", "libc6": "2.41-12",
			"sudo": "1.9.13", kernelPackage: "6.1.176-1"}},
	} {
		l, err := findLine(c.line)
		if err != nil {
			t.Fatal(err)
		}
		// Only the suites of the line are in its view.
		var own strings.Builder
		for row := range strings.Lines(sources.String()) {
			f := strings.Fields(row)
			if f[3] == debianRelease || slices.ContainsFunc(l.borrowed, func(s suite) bool { return s.name == f[3] }) {
				own.WriteString(row)
			}
		}
		a := openTestArchive(t, own.String(), l)
		for pkg, want := range c.want {
			if got, err := a.field(t.Context(), pkg, "Version"); got != want {
				t.Errorf("line %s: apt would take %s %s, %v; want %s", c.line, pkg, got, err, want)
			}
		}
	}
}

// openTestArchive is openArchive with other sources than the host's.
func openTestArchive(t *testing.T, sources string, l line) *archive {
	t.Helper()
	a := &archive{dir: t.TempDir(), log: t.Output()}
	for _, d := range []string{"empty", "lists/partial", "state", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config, err := a.hostConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"sources.list": sources, "preferences": preferences(l), "apt.conf": config, "status": ""} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.apt(t.Context(), a.dir, "apt-get", "-q", "-o", "Acquire::Languages=none", "-o", "APT::Update::Error-Mode=any", "update").Run(); err != nil {
		t.Fatal(err)
	}
	return a
}

// writeSuite writes a suite of an archive: a list of packages, and the release file that names it.
func writeSuite(t *testing.T, dir, suite string, packages map[string]string) {
	t.Helper()
	var list strings.Builder
	for name, version := range packages {
		source, pkg, ok := strings.Cut(name, "/")
		if !ok {
			pkg = source
		}
		fmt.Fprintf(&list, "Package: %s\nSource: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: x <x@x>\nDescription: x\n"+
			"Filename: pool/%[1]s.deb\nSize: 1\nSHA256: %064[4]d\n\n", pkg, source, version, 1)
	}
	const file = "main/binary-amd64/Packages"
	release := fmt.Sprintf("Suite: %s\nCodename: %[1]s\nArchitectures: amd64\nComponents: main\nDate: Mon, 05 Jan 2026 00:00:00 UTC\n"+
		"SHA256:\n %x %d %s\n", suite, sha256.Sum256([]byte(list.String())), list.Len(), file)
	base := filepath.Join(dir, "dists", suite)
	if err := os.MkdirAll(filepath.Join(base, filepath.Dir(file)), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{file: list.String(), "Release": release} {
		if err := os.WriteFile(filepath.Join(base, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKernelPackagePatterns(t *testing.T) {
	m := abiPattern.FindStringSubmatch("linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)")
	if m == nil || m[1] != "6.1.0-56-cloud-amd64" {
		t.Errorf("kernel: %q", m)
	}
	if m := abiPattern.FindStringSubmatch("linux-image-cloud-amd64-dbg"); m != nil {
		t.Errorf("took %q for a kernel", m)
	}
	got := strings.Join(buildPattern.FindAllString(
		"linux-headers-6.1.0-56-common (= 6.1.192-2), linux-kbuild-6.1 (>= 6.1.192-2), linux-compiler-gcc-12-x86", -1), " ")
	if got != "linux-headers-6.1.0-56-common linux-kbuild-6.1" {
		t.Errorf("build packages: %q", got)
	}
}

func TestHostRelease(t *testing.T) {
	for text, want := range map[string][2]string{
		"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n": {"debian", "12"},
		"ID='fedora'\nVERSION_ID=42\n": {"fedora", "42"},
		"ID=arch\n":                    {"arch", ""},
		"":                             {"", ""},
	} {
		if id, version := hostRelease(strings.NewReader(text)); [2]string{id, version} != want {
			t.Errorf("%q: got %q %q", text, id, version)
		}
	}
}
