package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// An archive is a view of the Debian archive that belongs to one build: sources, state and cache lie in a directory of its
// own, and it knows nothing of what the host has installed. Packages are downloaded and unpacked in it, never
// installed, so neither the host's packages nor its apt configuration change.
type archive struct {
	dir string
	log io.Writer
}

const (
	debianRelease = "bookworm"
	debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	// The package that depends on the current kernel. The cloud flavour is the smallest with all that is needed here.
	kernelPackage = "linux-image-cloud-amd64"
	// The package that has the source of the ZFS modules.
	zfsSourcePackage = "zfs-dkms"
)

// openArchive makes the view in dir and fetches its package lists, from the mirrors that the host's own apt uses.
// The contrib component, which has ZFS, and the suites that the line borrows from are added in the view alone.
func openArchive(ctx context.Context, dir string, l line, log io.Writer) (*archive, error) {
	a := &archive{dir: dir, log: log}
	for _, d := range []string{"empty", "lists/partial", "state", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	sources, err := a.hostSources(ctx, l.borrowed)
	if err != nil {
		return nil, err
	}
	config, err := a.hostConfig(ctx)
	if err != nil {
		return nil, err
	}
	files := map[string]string{"sources.list": sources, "preferences": preferences(l), "apt.conf": config, "status": ""}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	// By default apt would go on with what it could fetch, and an old kernel would pass for the newest.
	update := a.apt(ctx, dir, "apt-get", "-q", "-o", "Acquire::Languages=none", "-o", "APT::Update::Error-Mode=any", "update")
	if err := update.Run(); err != nil {
		return nil, fmt.Errorf("update the package lists: %w", err)
	}
	return a, nil
}

// hostSources turns what the host's apt knows about Debian 12 into a sources.list for the view.
func (a *archive) hostSources(ctx context.Context, borrowed []suite) (string, error) {
	const format = "$(TARGET_OF)\t$(CODENAME)\t$(RELEASE)\t$(COMPONENT)\t$(REPO_URI)"
	// By default apt shows the targets whose lists are on disk, with code names resolved ("stable" is bookworm here).
	// A host whose lists were removed, such as a container image, still shows its sources without release information.
	for _, args := range [][]string{{}, {"--no-release-info"}} {
		args = append([]string{"indextargets", "--format", format}, args...)
		cmd := command(ctx, a.log, a.dir, "apt-get", args...)
		cmd.Stdout = nil
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("ask apt for this host's mirrors: %w", err)
		}
		if s := sourcesFromTargets(string(out), borrowed); s != "" {
			return s, nil
		}
	}
	return "", errors.New("find a mirror: this host's apt has no source for Debian 12 (bookworm) main")
}

// sourcesFromTargets makes a sources.list of the lines that hostSources asked for. Besides bookworm, security is taken
// where the host has it, and the borrowed suites from where bookworm is. It returns "" if bookworm itself is missing.
func sourcesFromTargets(targets string, borrowed []suite) string {
	const security = debianRelease + "-security"
	seen := map[string]bool{}
	var list strings.Builder
	add := func(uri, suite, components string) {
		entry := fmt.Sprintf("deb [signed-by=%s] %s %s %s\n", debianKeyring, uri, suite, components)
		if !seen[entry] {
			seen[entry] = true
			list.WriteString(entry)
		}
	}
	base := false
	for row := range strings.Lines(targets) {
		f := strings.Split(strings.TrimSpace(row), "\t")
		if len(f) != 5 || f[0] != "deb" || f[3] != "main" {
			continue
		}
		suite, uri := f[1], f[4]
		if strings.HasPrefix(suite, "$(") {
			suite = f[2]
		}
		switch suite {
		case debianRelease:
			base = true
			add(uri, suite, "main contrib")
			for _, b := range borrowed {
				add(uri, b.name, "main contrib")
			}
		case security:
			add(uri, suite, "main")
		}
	}
	if !base {
		return ""
	}
	return list.String()
}

// preferences makes the view's apt_preferences(5): ZFS in a version of the line, and nothing else from the borrowed
// suites but the packages that the line names. The first record about a package by name wins over those about "*".
func preferences(l line) string {
	var b strings.Builder
	record := func(pkg, pin string, priority int) {
		fmt.Fprintf(&b, "Package: %s\nPin: %s\nPin-Priority: %d\n\n", pkg, pin, priority)
	}
	const chosen, never = 990, -1
	record("src:zfs-linux", "version "+l.name+".*", chosen)
	for _, s := range l.borrowed {
		if len(s.packages) > 0 {
			record(strings.Join(s.packages, " "), "release n="+s.name, chosen)
		}
	}
	for _, s := range l.borrowed {
		record("*", "release n="+s.name, never)
	}
	return b.String()
}

// hostConfig makes the view's apt.conf: how the host reaches the network (proxies, certificates, retries), and this
// view's directories in place of the host's. Hooks of the host are left out: some of them clean its caches.
func (a *archive) hostConfig(ctx context.Context) (string, error) {
	cmd := command(ctx, a.log, a.dir, "apt-config", "dump")
	cmd.Stdout = nil
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read the host's apt configuration: %w", err)
	}
	var conf strings.Builder
	for row := range strings.Lines(string(out)) {
		// Indices for other programs than apt, such as software centres, are larger than all that is needed here.
		if strings.HasPrefix(row, "Acquire::") && !strings.HasPrefix(row, "Acquire::IndexTargets") {
			conf.WriteString(row)
		}
	}
	for _, kv := range [][2]string{
		{"Dir::Etc::main", "empty/none"}, {"Dir::Etc::parts", "empty"},
		{"Dir::Etc::sourcelist", "sources.list"}, {"Dir::Etc::sourceparts", "empty"},
		{"Dir::Etc::preferences", "preferences"}, {"Dir::Etc::preferencesparts", "empty"},
		{"Dir::State", "state"}, {"Dir::State::lists", "lists"}, {"Dir::State::status", "status"},
		{"Dir::Cache", "cache"},
	} {
		fmt.Fprintf(&conf, "%s %q;\n", kv[0], filepath.Join(a.dir, kv[1]))
	}
	// apt run by root would fetch as a user who can't read a directory under /root, and warn about it.
	conf.WriteString("APT::Sandbox::User \"root\";\nAPT::Architecture \"amd64\";\n")
	return conf.String(), nil
}

// apt prepares one of apt's commands to work on the view.
func (a *archive) apt(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := command(ctx, a.log, dir, name, args...)
	cmd.Env = append(cmd.Env, "APT_CONFIG="+filepath.Join(a.dir, "apt.conf"))
	return cmd
}

// field returns a field of the control record of the version of pkg that apt would choose.
func (a *archive) field(ctx context.Context, pkg, field string) (string, error) {
	cmd := a.apt(ctx, a.dir, "apt-cache", "show", "--no-all-versions", pkg)
	cmd.Stdout = nil
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("look up package %s: %w", pkg, err)
	}
	for row := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(row, field+": "); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("look up package %s: its record has no field %s", pkg, field)
}

// versions are what an image is made from.
type versions struct {
	Kernel        string `json:"kernel"`         // ABI, as uname -r prints it: 6.1.0-56-cloud-amd64
	KernelPackage string `json:"kernel_package"` // version of the kernel's package: 6.1.192-2
	ZFS           string `json:"zfs"`            // version of ZFS's packages: 2.1.11-1+deb12u1

	kernelPackages []string // image, headers and the kernel's build tools
}

var (
	abiPattern   = regexp.MustCompile(`^linux-image-([0-9][^ ]*-cloud-amd64)\b`)
	buildPattern = regexp.MustCompile(`\blinux-(?:headers-[0-9][^ ,]*|kbuild-[0-9][^ ,]*)`)
)

// resolve finds the versions which the archive offers now.
func (a *archive) resolve(ctx context.Context, l line) (versions, error) {
	var v versions
	depends, err := a.field(ctx, kernelPackage, "Depends")
	if err != nil {
		return v, err
	}
	m := abiPattern.FindStringSubmatch(depends)
	if m == nil {
		return v, fmt.Errorf("find the kernel's version: %s depends on %q, which is no kernel image", kernelPackage, depends)
	}
	v.Kernel = m[1]
	if v.KernelPackage, err = a.field(ctx, "linux-image-"+v.Kernel, "Version"); err != nil {
		return v, err
	}
	if depends, err = a.field(ctx, "linux-headers-"+v.Kernel, "Depends"); err != nil {
		return v, err
	}
	v.kernelPackages = append([]string{"linux-image-" + v.Kernel, "linux-headers-" + v.Kernel},
		buildPattern.FindAllString(depends, -1)...)
	if v.ZFS, err = a.field(ctx, zfsSourcePackage, "Version"); err != nil {
		return v, err
	}
	if !strings.HasPrefix(v.ZFS, l.name+".") {
		return v, fmt.Errorf("find ZFS %s: the archive offers %s", l.name, v.ZFS)
	}
	return v, nil
}

// download fetches the packages into dir. apt checks their signatures and sums.
func (a *archive) download(ctx context.Context, dir string, packages []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return a.apt(ctx, dir, "apt-get", append([]string{"-q", "download"}, packages...)...).Run()
}

// unpack extracts the packages in dir below root.
func unpack(ctx context.Context, log io.Writer, dir, root string) error {
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if err := command(ctx, log, dir, "dpkg-deb", "-x", deb, root).Run(); err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
		}
	}
	return nil
}
