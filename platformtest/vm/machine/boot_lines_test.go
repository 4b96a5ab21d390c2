package machine

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// testLines names the release lines, besides the usual one, whose images the tests build if they are missing:
// "2.3 2.4", or "all". Each takes some minutes, once. Images that are there are tested in any case.
const testLines = "SPANSTACK_VM_LINES"

var buildLine = sync.OnceValues(func() (map[string]*Image, error) {
	images := map[string]*Image{}
	wanted := strings.Fields(os.Getenv(testLines))
	for _, name := range Lines() {
		if slices.Contains(wanted, name) || slices.Contains(wanted, "all") {
			img, err := Build(context.Background(), BuildOptions{Line: name, Progress: NewProgress(os.Stderr)})
			if err != nil {
				return nil, err
			}
			images[name] = img
		} else if img, err := Find(name, ""); err == nil {
			images[name] = img
		} else if !errors.Is(err, ErrNotBuilt) {
			return nil, err
		}
	}
	return images, nil
})

// eachLine runs test with the image of every release line that can be had.
func eachLine(t *testing.T, test func(t *testing.T, img *Image)) {
	t.Helper()
	usual := bootImage(t)
	for _, name := range Lines() {
		t.Run(name, func(t *testing.T) {
			if name == DefaultLine {
				test(t, usual)
				return
			}
			images, err := buildLine()
			if err != nil {
				t.Fatal(err)
			}
			img := images[name]
			if img == nil {
				t.Skipf("the machine of ZFS %s has not been built: %s=%s or \"vm build --line %[1]s\" does it", name, testLines, name)
			}
			test(t, img)
		})
	}
}

// Each line must have its own commands and module, in both variants, and these must work together.
func TestBootLines(t *testing.T) {
	eachLine(t, func(t *testing.T, img *Image) {
		if !strings.HasPrefix(img.ZFS, img.Line+".") {
			t.Errorf("line %s has ZFS %s", img.Line, img.ZFS)
		}
		for _, v := range Variants() {
			t.Run(string(v), func(t *testing.T) {
				t.Parallel()
				stdout, stderr, r, err := boot(t, img, RunOptions{Variant: v, Payload: script(`set -e
					zfs version; uname -r
					truncate -s 256M /tmp/vdev
					zpool create -m /tank tank /tmp/vdev
					echo content >/tank/file
					zfs snapshot tank@1
					zfs send tank@1 | zfs recv -s tank/b
					cat /tank/b/file; zfs hold x tank/b@1; zfs holds -H tank/b@1 | cut -f1,2
					zpool export tank; zpool import -d /tmp tank; zdb -l /tmp/vdev | grep -c "name: 'tank'"
				`)})
				want := "zfs-" + img.ZFS + "\nzfs-kmod-" + img.ZFS + "\n" + img.Kernel + "\ncontent\ntank/b@1\tx\n1\n"
				if err != nil || r.ExitCode != 0 || stderr != "" || stdout != want {
					t.Errorf("%v, exit code %d, stderr %q, stdout %q; want %q", err, r.ExitCode, stderr, stdout, want)
				}
			})
		}
	})
}

// zinject must reach a send: that is how a test sees a stream break off in the middle.
func TestBootFaultInjection(t *testing.T) {
	eachLine(t, func(t *testing.T, img *Image) {
		t.Parallel()
		stdout, stderr, r, err := boot(t, img, RunOptions{Payload: script(`set -e
			truncate -s 256M /tmp/vdev
			zpool create -O compression=off -m /tank tank /tmp/vdev
			head -c 8000000 /dev/urandom >/tank/file
			zfs snapshot tank@1
			zfs send tank@1 | cat >/tmp/whole
			objset=$(zfs get -Hp -o value objsetid tank@1)
			file=$(ls -i /tank/file | awk '{print $1}')
			zpool export tank; zpool import -d /tmp tank # the cache has no block of it now
			zinject -b $(printf %x:%x:0:20 $objset $file) -e io tank >/dev/null # its block 0x20, at 4 MiB
			status=0
			zfs send tank@1 >/tmp/broken || status=$?
			echo "exit $status"
			[ $(stat -c %s /tmp/broken) -gt 3000000 ] && [ $(stat -c %s /tmp/broken) -lt 5000000 ] && echo "half of it"
			zinject -c all
			zfs send tank@1 | cmp - /tmp/whole && echo "whole again"
		`)})
		if err != nil || r.ExitCode != 0 {
			t.Fatalf("%v, exit code %d, stderr %q", err, r.ExitCode, stderr)
		}
		if want := "exit 1\nhalf of it\nremoved all registered handlers\nwhole again\n"; stdout != want {
			t.Errorf("stdout %q, want %q", stdout, want)
		}
		if want := "warning: cannot send 'tank@1': Input/output error\n"; stderr != want {
			t.Errorf("stderr %q, want %q", stderr, want)
		}
	})
}

func TestBootUsers(t *testing.T) {
	eachLine(t, func(t *testing.T, img *Image) {
		t.Parallel()
		stdout, stderr, r, err := boot(t, img, RunOptions{Payload: script(`
			truncate -s 128M /tmp/vdev; zpool create tank /tmp/vdev
			as() { user=$1; shift; text=$(su $user -c "$*" 2>&1); status=$?; echo "$user: $*: $text${text:+ }($status)"; }
			as operator id -un
			as operator touch /home/operator/file /out/file
			as operator zfs list -Ho name
			as operator zfs snapshot tank@1
			as operator sudo -n zfs snapshot tank@2
			as operator doas zfs snapshot tank@3
			as operator sudo -n -u alice id -un
			as alice sudo -n id -un
			as alice doas id -un
			zfs allow alice snapshot tank
			as alice zfs snapshot tank@4
			as alice touch /file
			zfs list -Ho name -t snapshot | sort
		`)})
		want := `operator: id -un: operator (0)
operator: touch /home/operator/file /out/file: (0)
operator: zfs list -Ho name: tank (0)
operator: zfs snapshot tank@1: cannot create snapshots : permission denied (1)
operator: sudo -n zfs snapshot tank@2: (0)
operator: doas zfs snapshot tank@3: (0)
operator: sudo -n -u alice id -un: alice (0)
alice: sudo -n id -un: sudo: a password is required (1)
alice: doas id -un: doas: Operation not permitted (1)
alice: zfs snapshot tank@4: (0)
alice: touch /file: touch: /file: Permission denied (1)
tank@2
tank@3
tank@4
`
		if err != nil || r.ExitCode != 0 || stderr != "" || stdout != want {
			t.Errorf("%v, exit code %d, stderr %q, got\n%swant\n%s", err, r.ExitCode, stderr, stdout, want)
		}
	})
}
