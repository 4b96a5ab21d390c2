package machine

import (
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
		if got := sourcesFromTargets(c.targets); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
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
