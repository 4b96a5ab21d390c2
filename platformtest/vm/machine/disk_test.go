package machine

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDiskIsMade(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		disk Disk
		want int64
	}{
		{Disk{File: filepath.Join(dir, "usual")}, DefaultDiskSize},
		{Disk{File: filepath.Join(dir, "rounded"), Size: 100*mib + 1}, 101 * mib},
		{Disk{File: filepath.Join(dir, "smallest"), Size: minDiskSize}, 2 * mib},
		{Disk{File: empty, Size: 64 * mib}, 64 * mib},
	} {
		if err := c.disk.prepare(); err != nil {
			t.Error(err)
			continue
		}
		st, err := os.Stat(c.disk.File)
		if err != nil || st.Size() != c.want {
			t.Errorf("%s: %v bytes, %v; want %d", c.disk.File, st.Size(), err, c.want)
			continue
		}
		if used := st.Sys().(*syscall.Stat_t).Blocks * 512; used > mib {
			t.Errorf("%s: not sparse: %d bytes in use", c.disk.File, used)
		}
		sector := make([]byte, 512)
		f, err := os.Open(c.disk.File)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadFull(f, sector)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		first, n := binary.LittleEndian.Uint32(sector[454:]), binary.LittleEndian.Uint32(sector[458:])
		if sector[510] != 0x55 || sector[511] != 0xaa || sector[450] != 0xbf || first != 2048 || (int64(first)+int64(n))*512 != c.want {
			t.Errorf("%s: partition table % x", c.disk.File, sector[446:512])
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("files left: %v, %v", entries, err)
	}
}

// What a run wrote is never touched, and nothing of the host's is given away.
func TestDiskIsKeptOrRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "disk")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 3*mib)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{0, 3 * mib, 3*mib - 1} {
		if err := (Disk{File: file, Size: size}).prepare(); err != nil {
			t.Errorf("with size %d: %v", size, err)
		}
	}
	odd := filepath.Join(dir, "odd")
	if err := os.WriteFile(odd, []byte("a text"), 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		disk Disk
		want string
	}{
		"another size": {Disk{file, 4 * mib}, "it exists with 3145728 bytes, not the 4194304 asked for"},
		"too small":    {Disk{filepath.Join(dir, "new"), minDiskSize - 1}, "a size of 2097151 bytes"},
		"negative":     {Disk{filepath.Join(dir, "new"), -1}, "a size of -1 bytes"},
		"too large":    {Disk{filepath.Join(dir, "new"), maxDiskSize + 1}, "2 TiB"},
		"directory":    {Disk{File: dir}, "not a regular file"},
		"device":       {Disk{File: "/dev/null"}, "not a regular file"},
		"no disk":      {Disk{File: odd}, "no whole number of sectors"},
		"nowhere":      {Disk{File: filepath.Join(dir, "none", "disk")}, "none/disk: no such file or directory"},
		"below a file": {Disk{File: filepath.Join(file, "disk")}, "not a directory"},
		"no name":      {Disk{}, "no file name"},
	} {
		if err := c.disk.prepare(); err == nil || !strings.HasPrefix(err.Error(), "prepare disk "+c.disk.File) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != strings.Repeat("x", 3*mib) {
		t.Errorf("the file was changed: %d bytes, %v", len(data), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a refused disk was made")
	}
	if err := prepareDisks(make([]Disk, maxDisks+1)); err == nil || !strings.Contains(err.Error(), "17 disks") {
		t.Errorf("too many disks: %v", err)
	}
}

// A name is data for QEMU: its commas and quotes must not become options.
func TestDiskArgs(t *testing.T) {
	args := diskArgs([]Disk{{File: "/tmp/a"}, {File: `b,readonly=on"`}})
	if len(args) != 8 {
		t.Fatalf("got %q", args)
	}
	for i, want := range []string{`"filename":"/tmp/a"`, `"filename":"b,readonly=on\""`} {
		if !strings.Contains(args[4*i+1], want) || !strings.Contains(args[4*i+1], `"no-flush":false`) {
			t.Errorf("disk %d: %s", i, args[4*i+1])
		}
	}
}

// Even if what prepare saw is out of date: what is there is not replaced.
func TestCreateDiskReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	file, pipe, link := filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, pipe, link, dir} {
		before, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := createDisk(name, 2*mib); err == nil {
			t.Errorf("%s: no error", name)
		}
		if after, err := os.Lstat(name); err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
			t.Errorf("%s was replaced: %v, %v", name, after, err)
		}
	}
	if data, err := os.ReadFile(file); string(data) != "precious" {
		t.Errorf("the file is %q, %v", data, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("files left: %v", entries)
	}
}
