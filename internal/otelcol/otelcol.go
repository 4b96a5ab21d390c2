// Package otelcol builds a real OpenTelemetry Collector from its Go modules, once, for tests that send to one.
package otelcol

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

//go:embed builder.yaml
var recipe []byte

// builder is the Collector's own build tool. Its version is that of the modules in the recipe.
const builder = "go.opentelemetry.io/collector/cmd/builder@v0.155.0"

// Path returns where the collector is, or will be: in the user's cache directory, named after its recipe.
func Path() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(builder+runtime.Version()), recipe...))
	return filepath.Join(cache, "spanstack", "otelcol-"+hex.EncodeToString(sum[:6])), nil
}

// Build builds the collector if it isn't there yet. What the build says goes to out.
func Build(ctx context.Context, out io.Writer) (path string, err error) {
	if path, err = Path(); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "otelcol-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "builder.yaml")
	here := fmt.Appendf(nil, "dist:\n  output_path: %q\n", filepath.Join(dir, "out"))
	if err := os.WriteFile(config, bytes.Replace(recipe, []byte("dist:\n"), here, 1), 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "run", builder, "--config", config)
	cmd.Dir = dir // outside of this module
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build the collector: %v: %w", cmd, err)
	}
	return path, install(filepath.Join(dir, "out", "otelcol"), path)
}

// install copies a program to its place, where it appears as a whole.
func install(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	temp, err := os.CreateTemp(filepath.Dir(to), ".otelcol-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // in vain, if all goes well
	if _, err = io.Copy(temp, in); err == nil {
		err = temp.Chmod(0o755)
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), to)
}
