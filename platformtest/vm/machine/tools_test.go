package machine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestGuestPath(t *testing.T) {
	for name, want := range map[string]string{
		"usr/bin/perl": "bin/perl", "usr/lib/x86_64-linux-gnu/libperl.so": "lib/x86_64-linux-gnu/libperl.so", "usr/sbin/sshd": "sbin/sshd",
		"usr/lib64/ld.so": "lib64/ld.so", "bin/ip": "bin/ip", "usr/share/perl5/Config/IniFiles.pm": "usr/share/perl5/Config/IniFiles.pm",
		"usr/libexec/x": "usr/libexec/x", "usr/bind/x": "usr/bind/x", "var/run/x": "run/x",
	} {
		if got := guestPath(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	for _, c := range []struct{ name, target, want string }{
		{"usr/lib/x86_64-linux-gnu/liba.so", "liba.so.1", "liba.so.1"},
		{"usr/bin/a", "../share/a/run", "/usr/share/a/run"}, // /bin/../share is not where it is
		{"lib64/ld.so", "/lib/x86_64-linux-gnu/ld.so", "/lib/x86_64-linux-gnu/ld.so"},
	} {
		if got := guestTarget(c.name, c.target); got != c.want {
			t.Errorf("%s -> %s: got %s, want %s", c.name, c.target, got, c.want)
		}
	}
}

func TestDebVersions(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"openssh-server_1%3a9.2p1-2_amd64.deb", "perl_5.36.0-7_amd64.deb", "lock"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := debVersions(dir)
	if err != nil || len(got) != 2 || got["openssh-server"] != "1:9.2p1-2" || got["perl"] != "5.36.0-7" {
		t.Errorf("got %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "odd.deb"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := debVersions(dir); err == nil {
		t.Error("a package without a version in its name is taken")
	}
}

// fakeTools puts tools into the cache.
func fakeTools(t *testing.T, img *Image, opts ToolsOptions) string {
	t.Helper()
	dir := img.toolsDir(opts)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{toolsFile: "xyz", manifestFile: `{"size": 3, "versions": {"perl": "5"}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Tools that are there need no network, in whatever order they are named, and no others pass for them.
func TestToolsCache(t *testing.T) {
	c := cache{t.TempDir()}
	img := c.image(testManifest("6.1.0-1", 1).key(), testManifest("6.1.0-1", 1))
	fakeImage(t, c, testManifest("6.1.0-1", 1))
	dir := fakeTools(t, img, ToolsOptions{Packages: []string{"perl", "pv"}, Modules: []string{"veth"}})
	got, err := img.Tools(t.Context(), ToolsOptions{Packages: []string{"pv", "perl", "pv"}, Modules: []string{"veth"}})
	if err != nil || got.Dir != dir || got.Versions["perl"] != "5" {
		t.Fatalf("got %+v, %v; want those in %s", got, err, dir)
	}
	for _, opts := range []ToolsOptions{{Packages: []string{"perl"}, Modules: []string{"veth"}}, {Packages: []string{"perl", "pv"}}} {
		if got, err := img.cachedTools(opts); got != nil || err != nil {
			t.Errorf("%+v: got %+v, %v; want none", opts, got, err)
		}
	}
	if _, err := img.Tools(t.Context(), ToolsOptions{}); err == nil {
		t.Error("tools that are nothing")
	}

	files, err := img.archives(Stock, got)
	if err != nil || len(files) != 3 || files[2] != filepath.Join(dir, toolsFile) {
		t.Errorf("the parts of a guest are %q, %v", files, err)
	}
	other := c.image("other_zfs-1_x", testManifest("6.1.0-2", 1))
	if _, err := other.archives(Stock, got); err == nil || !strings.Contains(err.Error(), "another image") {
		t.Errorf("tools of another image: %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, toolsFile), 1); err != nil {
		t.Fatal(err)
	}
	if got, err := img.cachedTools(ToolsOptions{Packages: []string{"perl", "pv"}, Modules: []string{"veth"}}); got != nil || err != nil {
		t.Errorf("damaged: got %+v, %v; want none", got, err)
	}
}

// Clean keeps the tools of images that it keeps.
func TestCleanTools(t *testing.T) {
	c := cache{t.TempDir()}
	opts := ToolsOptions{Packages: []string{"perl"}}
	var dirs []string
	for day := 1; day <= 2; day++ {
		m := testManifest("6.1.0-"+string(rune('0'+day)), day)
		fakeImage(t, c, m)
		dirs = append(dirs, fakeTools(t, c.image(m.key(), m), opts))
	}
	removed, err := Clean(t.Context(), c.dir, false)
	if err != nil || len(removed) != 2 || !slices.Contains(removed, dirs[0]) || slices.Contains(removed, dirs[1]) {
		t.Errorf("removed %q, %v; want the older image and %s", removed, err, dirs[0])
	}
	if removed, err = Clean(t.Context(), c.dir, true); err != nil || !slices.Contains(removed, dirs[1]) {
		t.Errorf("with all: removed %q, %v; want %s", removed, err, dirs[1])
	}
}

// A guest with tools has their programs and modules, its own ones still, and one without has none of them.
func TestBootTools(t *testing.T) {
	img := bootImage(t)
	tools, err := img.Tools(t.Context(), ToolsOptions{Packages: []string{"perl", "procps", "iproute2"}, Modules: []string{"veth"}, Progress: NewProgress(os.Stderr)})
	if err != nil {
		t.Fatal(err)
	}
	const text = `perl -e 'use POSIX; print "perl ", POSIX::floor(6.5), "\n"'
		ip link add v0 type veth peer name v1 && echo veth
		modprobe dm_zero && truncate -s 128M /tmp/f && zpool create -m none p /tmp/f && zpool list -Ho name
		perl -e 'exec @ARGV' ps -o args= -p $$ # a busybox shell would run its own
		ls -ld /usr/bin /usr/lib | grep -c -- '->'`
	start := time.Now()
	stdout, stderr, r, err := boot(t, img, RunOptions{Payload: script(text), Tools: tools})
	if err != nil || r.ExitCode != 0 || stdout != "perl 6\nveth\np\n/bin/sh ./run\n2\n" {
		t.Errorf("with tools: %q, %q, exit code %d, %v", stdout, stderr, r.ExitCode, err)
	}
	t.Logf("%d packages, %v", len(tools.Versions), time.Since(start))
	stdout, _, _, err = boot(t, img, RunOptions{Payload: script("command -v perl; ip link add v0 type veth || echo none")})
	if err != nil || stdout != "none\n" {
		t.Errorf("without: %q, %v", stdout, err)
	}
}
