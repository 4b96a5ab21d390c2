//go:build unix

package outfile

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDevice has a device be written, and stay what it is.
func TestDevice(t *testing.T) {
	null := &File{Name: nullDevice(t), Sync: true}
	if err := null.Fill(text("nothing")); err != nil {
		t.Error(err)
	}
	null.Discard()
	if info, err := os.Stat(null.Name); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Errorf("%s is %v now (%v)", null.Name, info, err)
	}
}

// TestPipe has a named pipe be written, and stay what it is.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		data, err := io.ReadAll(f)
		if err != nil {
			t.Error(err)
		}
		f.Close()
		read <- string(data)
	}()
	pipe := &File{Name: path, Sync: true}
	if err := pipe.Fill(text("through")); err != nil {
		t.Error(err)
	}
	if got := <-read; got != "through" {
		t.Errorf("%q came through the pipe", got)
	}
	pipe.Discard()
	if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v now (%v)", info, err)
	}
}

// nullDevice returns a device that a mistake does no harm to: root's own, if it may be made and used, and else that of all, which others
// can't replace.
func nullDevice(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		return os.DevNull
	}
	path := filepath.Join(t.TempDir(), "null")
	err := exec.Command("cp", "-R", os.DevNull, path).Run() // which makes a device
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			f.Close()
		}
	}
	if err != nil {
		t.Skipf("no device can be made here: %v", err)
	}
	return path
}

// TestLinks has symbolic links stay, also one to a file that isn't there yet, and one in a folder that is a link.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "real", "below"), 0o700), os.Mkdir(filepath.Join(dir, "to"), 0o700),
		os.Symlink("real/below", filepath.Join(dir, "folder")),
		os.Symlink("../../to/file", filepath.Join(dir, "real", "below", "one")),
		os.Symlink(filepath.Join(dir, "folder", "one"), filepath.Join(dir, "two")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"new", "again"} {
		for _, name := range []string{"two", "folder/one"} {
			if err := (&File{Name: filepath.Join(dir, name)}).Fill(text(want + name)); err != nil {
				t.Fatal(err)
			}
			if got := content(t, filepath.Join(dir, "to", "file")); got != want+name {
				t.Errorf("%s: the file holds %q", name, got)
			}
		}
	}
	for _, name := range []string{"two", "folder/one"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("%s is %v now (%v)", name, info, err)
		}
	}
}

func TestMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	for _, c := range []struct{ old, mode, want fs.FileMode }{
		{0, 0, 0o640}, {0, 0o600, 0o600}, {0o664, 0o600, 0o664}, {0o600, 0, 0o600}, {0o444, 0, 0o444},
	} {
		path := filepath.Join(t.TempDir(), "out")
		if c.old != 0 {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.old); err != nil {
				t.Fatal(err)
			}
		}
		if err := (&File{Name: path, Mode: c.mode}).Fill(text("x")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != c.want {
			t.Errorf("a file of %v written with %v is %v, want %v (%v)", c.old, c.mode, info.Mode(), c.want, err)
		}
	}
}
