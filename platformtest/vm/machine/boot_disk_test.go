package machine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A power cut in the middle of a receive must leave what was synced, and lose what was not, or it was no power cut. Tests
// of crash-safety stand on that.
func TestBootPowerCut(t *testing.T) {
	eachLine(t, func(t *testing.T, img *Image) {
		t.Parallel()
		disk := Disk{File: filepath.Join(t.TempDir(), "pool.img"), Size: 512 * mib}
		before, stderr, _, err := boot(t, img, RunOptions{
			Disks:    []Disk{disk},
			CutPower: func(line string) bool { return line == "receiving" },
			Payload: script(`set -e
				echo 3600 >/sys/module/zfs/parameters/zfs_txg_timeout # what is not synced stays in memory
				zpool create -O compression=off -O atime=off -m /tank tank /dev/vda1
				zfs create tank/source
				head -c 4000000 /dev/urandom >/tank/source/file
				zfs snapshot tank/source@1
				zfs send tank/source@1 | zfs recv tank/received
				head -c 8000000 /dev/urandom >/tank/source/file
				zfs snapshot tank/source@2
				zpool sync tank
				md5sum </tank/received/file
				md5sum </tank/source/file
				zfs umount tank/received
				zfs send -i @1 tank/source@2 | { head -c 3000000; sleep 1000; } | zfs recv -s -u tank/received &
				until [ ${#token} -gt 1 ]; do
					kill -0 $! # the receiver
					token=$(zfs get -Hp -o value receive_resume_token tank/received)
				done
				zpool sync tank # the token is seen before the transaction group that has it is on disk
				echo lost >/tank/source/unsynced
				cat /tank/source/unsynced
				echo receiving
				sleep 1000`)})
		e, ok := errors.AsType[*PowerCutError](err)
		if !ok || e.Line != "receiving" || e.After <= 0 {
			t.Fatalf("got %v, want a PowerCutError; stderr %q", err, stderr)
		}
		sums := strings.Split(before, "\n")
		if len(sums) < 4 || sums[2] != "lost" {
			t.Fatalf("before the cut: stdout %q, stderr %q", before, stderr)
		}
		stdout, stderr, r, err := boot(t, img, RunOptions{Disks: []Disk{disk}, Payload: script(`set -e
			zpool import -f -d /dev/vda1 tank
			md5sum </tank/received/file
			[ ! -e /tank/source/unsynced ] && echo not there
			zfs list -Ho name -t snapshot
			# The receive goes on where it was.
			zfs umount tank/received
			zfs send -t $(zfs get -Hp -o value receive_resume_token tank/received) | zfs recv -s -u tank/received
			zfs mount tank/received
			md5sum </tank/received/file
			zpool scrub -w tank
			zpool status -x`)})
		if err != nil || r.ExitCode != 0 || stderr != "" {
			t.Fatalf("after the cut: %v, exit code %d, stdout %q, stderr %q", err, r.ExitCode, stdout, stderr)
		}
		want := strings.Join([]string{sums[0], "not there", "tank/received@1", "tank/source@1", "tank/source@2", sums[1],
			"all pools are healthy", ""}, "\n")
		if stdout != want {
			t.Errorf("after the cut: got\n%swant\n%s", stdout, want)
		}
	})
}

// The line at which power is cut may be the last one that the payload writes.
func TestBootPowerCutAtTheEnd(t *testing.T) {
	t.Parallel()
	_, _, _, err := boot(t, bootImage(t), RunOptions{Payload: script("echo end"), CutPower: func(line string) bool { return line == "end" }})
	if _, ok := errors.AsType[*PowerCutError](err); !ok {
		t.Errorf("got %v, want a PowerCutError", err)
	}
	_, _, r, err := boot(t, bootImage(t), RunOptions{Payload: script("echo end; exit 3"), CutPower: func(line string) bool { return line == "never" }})
	if err != nil || r.ExitCode != 3 {
		t.Errorf("a line that did not come: got %d, %v; want 3", r.ExitCode, err)
	}
}

// dmsetup and losetup must find their drivers by themselves, and zpool what they make.
func TestBootDeviceMapper(t *testing.T) {
	t.Parallel()
	stdout, stderr, r, err := boot(t, bootImage(t), RunOptions{Payload: script(`set -e
		truncate -s 128M /tmp/file
		loop=$(losetup -f); losetup $loop /tmp/file
		dmsetup create slow --table "0 262144 delay $loop 0 0"
		zpool create -O compression=off -m /tank tank /dev/mapper/slow
		zpool export tank; zpool import -d /dev/mapper tank; zpool list -Ho name,health
		zpool export tank # a pool would wait for a device that fails, and hang
		dmsetup suspend slow; dmsetup reload slow --table "0 262144 error"; dmsetup resume slow
		dd if=/dev/mapper/slow of=/dev/null bs=4096 count=1 || echo "exit $?"
		dmsetup targets | cut -d' ' -f1 | sort | tr '\n' ' '
		for t in flakey zero log-writes; do modprobe dm-$t; done
		dmsetup targets | grep -cE "flakey|zero|log-writes"
	`)})
	if err != nil || r.ExitCode != 0 {
		t.Fatalf("%v, exit code %d, stdout %q, stderr %q", err, r.ExitCode, stdout, stderr)
	}
	if want := "tank\tONLINE\nexit 1\ndelay error linear striped 3\n"; stdout != want || !strings.Contains(stderr, "Input/output error") {
		t.Errorf("stdout %q, stderr %q; want %q and a read error", stdout, stderr, want)
	}
}

func TestBootDisks(t *testing.T) {
	t.Parallel()
	img := bootImage(t)
	dir := t.TempDir()
	disks := []Disk{{File: filepath.Join(dir, "a"), Size: 64 * mib}, {File: filepath.Join(dir, `b,c "d"`), Size: 80 * mib}}
	_, stderr, r, err := boot(t, img, RunOptions{Disks: disks, Payload: script(`set -e
		[ $(cat /sys/block/vda/size) = 131072 ] && [ $(cat /sys/block/vdb/size) = 163840 ]
		[ -b /dev/vda1 ] && [ -b /dev/vdb1 ]
		echo first >/dev/vda1; echo second >/dev/vdb1; sync
		`)})
	if err != nil || r.ExitCode != 0 {
		t.Fatal(err, r.ExitCode, stderr)
	}
	for i, want := range []string{"first\n", "second\n"} {
		data, err := os.ReadFile(disks[i].File)
		if err != nil || !strings.HasPrefix(string(data[mib:]), want) {
			t.Errorf("%s: %.10q at the partition's start, %v; want %q", disks[i].File, data[mib:], err, want)
		}
	}
}
