// Package npm fetches packages of the npm registry that tests run, once, with npm itself. It keeps them in the user's
// cache directory; nothing of them is in the tree, and none of their install scripts runs.
package npm

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Package is one version of a package.
type Package struct {
	Name      string
	Version   string
	Integrity string // "sha512-" and the sum of the packed package in base64, as "npm view NAME dist.integrity" prints it
}

// Packages that tests need.
var (
	// Speedscope has the viewer's page, with its importers.
	Speedscope = Package{"speedscope", "1.25.0",
		"sha512-cpf9HWTZf1ijLXBJrk87Ve/54tnYx6rlf0gUThvn3ook6h63hLXVOQiMf44PT+XoV503cPfvfiT5gP5vojp6Ag=="}
	// FirefoxProfiler has Firefox Profiler's loader, with the upgrade of older versions, as a program for node. It asks
	// for node 24, but what we use of it runs with 20.
	FirefoxProfiler = Package{"@firefox-devtools/profiler-cli", "0.10.0",
		"sha512-f9fqdHh7B6ddQIYrwrEs4FE5D8BMOsXSorYF4NRFfwPaGikVBlhorBxHT7zrb6WMgJgKQYHC9kazkRjbItLx8Q=="}
)

// maxFile bounds the size of an unpacked file, in bytes.
const maxFile = 64 << 20

// Dir returns where the package is, or will be.
func (p Package) Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	name := strings.NewReplacer("@", "", "/", "-").Replace(p.Name)
	return filepath.Join(cache, "spanstack", "npm", name+"-"+p.Version), nil
}

// Fetch returns the folder of the package, and fetches it if it isn't there yet.
func (p Package) Fetch(ctx context.Context) (dir string, err error) {
	if dir, err = p.Dir(); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", p.Name+"@"+p.Version)
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch %s: %v: %w\n%s", p.Name, cmd, err, out)
	}
	packed, err := filepath.Glob(filepath.Join(temp, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return "", fmt.Errorf("fetch %s: npm pack left %d files", p.Name, len(packed))
	}
	if err := p.check(packed[0]); err != nil {
		return "", fmt.Errorf("fetch %s: %w", p.Name, err)
	}
	if err := unpack(packed[0], filepath.Join(temp, "to")); err != nil {
		return "", fmt.Errorf("unpack %s: %w", p.Name, err)
	}
	if err := os.Rename(filepath.Join(temp, "to", "package"), dir); err != nil {
		if _, there := os.Stat(filepath.Join(dir, "package.json")); there == nil {
			return dir, nil // another test was quicker
		}
		return "", err
	}
	return dir, nil
}

// check compares the sum of a file with the package's.
func (p Package) check(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != p.Integrity {
		return fmt.Errorf("its sum is %s, want %s", got, p.Integrity)
	}
	return nil
}

// unpack unpacks the regular files of an archive. Those outside of the folder are refused by os.Root.
func unpack(file, to string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	for files := tar.NewReader(zr); ; {
		h, err := files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if err := write(root, h.Name, files); err != nil {
				return err
			}
		}
	}
}

func write(root *os.Root, name string, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(content, maxFile))
	if n == maxFile {
		err = errors.Join(err, fmt.Errorf("%s is larger than %d bytes", name, maxFile))
	}
	return errors.Join(err, f.Close())
}
