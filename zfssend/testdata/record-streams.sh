#!/bin/sh
# record-streams.sh records how zfs send and zfs receive fail, as txtar files in /out: what was done, with which version, the
# cause that package zfssend is to recognise, stdout, stderr, and exit status. It makes pools of its own, unloads the
# zfs module, and leaves a suspended pool behind, so it needs a machine of its own:
#
#	go run ./platformtest/vm run --line 2.4 --out zfssend/testdata/zfs-2.4 ./zfssend/testdata/record-streams.sh
#
# README.md tells more.
set -u
set -o pipefail
export TZ=UTC LC_ALL=C
exec </dev/null
here=$PWD
mkdir -p /out
# Records a command that is to fail for the cause, by its name in package zfssend.
rec() { # CAUSE NAME COMMAND...
	cause=$1 name=$2
	shift 2
	echo "$(cut -d' ' -f1 /proc/uptime) $name" >&2
	"$@" >/tmp/$name.stdout 2>/tmp/$name.stderr
	status=$?
	sed -i '/^usage:$/,$ { /^usage:$/!d }' /tmp/$name.stderr # what follows is the same for all, and long
	{
		echo "$*"
		zfs version 2>/dev/null | head -1 | grep . || echo "$version"
		echo "cause: $cause"
		echo "-- stdout --"
		cat /tmp/$name.stdout
		[ ! -s /tmp/$name.stdout ] || [ -z "$(tail -c1 /tmp/$name.stdout)" ] || echo
		echo "-- stderr --"
		cat /tmp/$name.stderr
		echo "-- status --"
		echo $status
	} >/tmp/$name.txtar
	mv /tmp/$name.txtar /out
}
# Does so, unless it takes longer than 20 seconds: a suspended pool makes some commands wait for ever.
rec_bounded() {
	(rec "$@" &)
	tries=0
	until [ -e /out/$2.txtar ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { echo "hangs, and is not recorded: $2" >&2; return; }
		usleep 100000
	done
}
# With these, what is recorded reads as one would type it.
receive() { # FILE ARGUMENT...
	stream=$1
	shift
	zfs receive "$@" <"$stream"
}
as_bob() { su bob -s /bin/sh -c '"$0" "$@"' -- "$@"; }
as_bob_receive() {
	stream=$1
	shift
	su bob -s /bin/sh -c 'f=$0; exec zfs receive "$@" <"$f"' -- "$stream" "$@"
}
# Flips bits of a byte of a file.
flip() { # FILE OFFSET MASK
	old=$(dd if="$1" bs=1 skip="$2" count=1 2>/dev/null | od -An -tu1)
	printf "\\$(printf %o $((old ^ $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
token() { zfs get -Hpo value receive_resume_token "$1"; }
await() { # COMMAND...: until it succeeds
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || { echo "record-streams: never: $*" >&2; return 1; }
		usleep 100000
	done
}

# Before there is a pool: without the module.
version=$(zfs version | head -1)
rmmod zfs
rec NotLoaded send-no-module zfs send tank/a@one
rec NotLoaded receive-no-module zfs receive tank/b
insmod /modules/zfs/zfs.ko
await test -c /dev/zfs
chmod 666 /dev/zfs

truncate -s 512M /tmp/disk1 /tmp/disk2
truncate -s 128M /tmp/disk3 /tmp/disk4 /tmp/disk5
zpool create -O mountpoint=/tank -O compression=off -O atime=off tank /tmp/disk1
zpool create -O mountpoint=/backup -O compression=off -O atime=off backup /tmp/disk2
zpool create -O mountpoint=/small -O compression=off -O atime=off small /tmp/disk3
zpool create -d -O mountpoint=/old old /tmp/disk4
cd /tmp
zfs create tank/a
zfs create tank/b
head -c 3000000 /dev/urandom >/tank/a/file
zfs snapshot tank/a@one
head -c 500000 /dev/urandom >/tank/a/more
zfs snapshot tank/a@two
head -c 1000 /dev/urandom >/tank/a/third
zfs snapshot tank/a@three
zfs snapshot tank/b@x
zfs bookmark tank/a@one tank/a#one
zfs send tank/a@one >full
zfs send tank/a@two >full2
zfs send -i @one tank/a@two >increment
zfs send -i @two tank/a@three >increment3
zfs send -R tank/a@three >package

# --- send: what is named
rec NotFound send-no-snapshot zfs send tank/a@missing
rec NotFound send-no-dataset zfs send tank/missing@one
rec NotFound send-no-pool zfs send missing/a@one
rec NotFound send-no-from-snapshot zfs send -i tank/a@missing tank/a@two
rec NotFound send-no-from-bookmark zfs send -i tank/a#missing tank/a@two
rec Invalid send-from-other-dataset zfs send -i tank/b@x tank/a@two
rec Invalid send-from-later zfs send -i tank/a@two tank/a@one
rec Invalid send-from-itself zfs send -i tank/a@one tank/a@one
rec Invalid send-intermediates-from-bookmark zfs send -I tank/a#one tank/a@two
rec Invalid send-unknown-option zfs send --bogus tank/a@one
rec Invalid send-nothing zfs send
rec NotFound send-bad-name zfs send 'tank/a%@one'
rec Busy send-mounted-filesystem zfs send tank/a
rec Invalid send-package-of-nothing zfs send -R tank/a
zfs create tank/tree
zfs create tank/tree/child
zfs snapshot tank/tree@x
rec NotFound send-package-child-without-snapshot zfs send -R tank/tree@x
rec Unknown send-saved-nothing zfs send --saved tank/a
send_to_closed_pipe() { (trap '' PIPE; exec zfs send tank/a@two) | true; }
rec BrokenPipe send-to-closed-pipe send_to_closed_pipe

# --- send: -R, and a snapshot is to go while it is on its way
zfs snapshot -r tank/tree@y
head -c 2000000 /dev/urandom >/tank/tree/file
zfs snapshot -r tank/tree@z
destroy_while_sent() {
	zfs send "$@" | (head -c 1000 >/dev/null; zfs destroy tank/tree@z; status=$?; cat >/dev/null; exit $status)
}
rec Busy destroy-while-sent destroy_while_sent tank/tree@z
rec Busy,Held destroy-while-sent-in-package destroy_while_sent -R tank/tree@z
zfs hold keep tank/tree@y
rec Busy,Held destroy-snapshot-held zfs destroy tank/tree@y

# --- send: tokens
zfs create backup/t
head -c 2000000 full2 | zfs receive -s -u backup/r 2>/dev/null
T=$(token backup/r)
rec ResumeStale token-corrupt zfs send -t "${T%?????}00000"
rec ResumeStale token-truncated zfs send -t "${T%??????????}"
rec ResumeStale token-malformed zfs send -t hello
rec ResumeStale token-other-version zfs send -t "2-${T#1-}"
rec DestinationExists receive-over-state receive full2 -u backup/r
rec DestinationExists receive-s-over-state receive full2 -s -u backup/r
rec ResumableState receive-F-over-state receive full2 -F -u backup/r
zfs send -t "$T" >resumed
rec ResumeStale resume-without-state receive resumed -s -u backup/t
rec ResumeStale resume-without-dataset receive resumed -s -u backup/none
zfs create tank/gone
head -c 2000000 /dev/urandom >/tank/gone/file
zfs snapshot tank/gone@one
zfs send tank/gone@one | head -c 1000000 | zfs receive -s -u backup/gone 2>/dev/null
G=$(token backup/gone)
rec ResumeStale resume-of-another receive resumed -s -u backup/gone
zfs destroy tank/gone@one
zfs snapshot tank/gone@one
rec ResumeStale token-other-snapshot zfs send -t "$G"
zfs destroy -r tank/gone
rec ResumeStale token-no-snapshot zfs send -t "$G"
zfs snapshot tank/b@y
dd if=/dev/urandom of=/tank/b/file bs=1M count=2 2>/dev/null
zfs snapshot tank/b@z
zfs send tank/b@y | zfs receive -u backup/b
zfs send -i @y tank/b@z | head -c 1000000 | zfs receive -s -u backup/b 2>/dev/null
B=$(token backup/b)
zfs send -i @y tank/b@z >b-increment
rec ResumableState receive-increment-over-state receive b-increment -u backup/b
rec ResumableState receive-s-increment-over-state receive b-increment -s -u backup/b
zfs destroy tank/b@y
rec ResumeStale token-no-from-snapshot zfs send -t "$B"
rec NotFound abort-nothing zfs receive -A backup/t

# --- receive: a second one while one runs, and what can't be done meanwhile
mkfifo fifo
zfs receive -s -u backup/running <fifo 2>/dev/null &
receiver=$!
exec 7>fifo
head -c 2000000 full2 >&7
has_token() { [ "$(token backup/running 2>/dev/null || echo -)" != - ]; }
await has_token
rec DestinationExists receive-while-receiving receive full2 -s -u backup/running
rec DestinationExists receive-plain-while-receiving receive full2 -u backup/running
zfs send -t "$(token backup/running)" | cat >again
rec ResumableState resume-while-receiving receive again -s -u backup/running
rec Busy abort-while-receiving zfs receive -A backup/running
rec Busy destroy-while-receiving zfs destroy backup/running
rec Busy export-while-receiving zpool export backup
exec 7>&-
wait $receiver
receive full -u backup/inc
zfs receive -s -u backup/inc <fifo 2>/dev/null &
receiver=$!
exec 7>fifo
head -c 300000 increment >&7
has_token() { [ "$(token backup/inc)" != - ]; }
await has_token
rec ResumableState receive-increment-while-receiving-s receive increment -u backup/inc
exec 7>&-
wait $receiver
receive full -u backup/inc2
zfs receive -u backup/inc2 <fifo 2>/dev/null &
receiver=$!
exec 7>fifo
head -c 300000 increment >&7
sleep 5 # nothing tells that it runs
rec Busy receive-increment-while-receiving receive increment -u backup/inc2
rec Busy receive-s-increment-while-receiving receive increment -s -u backup/inc2
rec Busy destroy-while-receiving-increment zfs destroy -r backup/inc2
exec 7>&-
wait $receiver
# A snapshot of the destination, taken while an increment comes: there is no finishing it, nor going on from its state.
receive full -u backup/inc3
has_token() { [ "$(token backup/inc3)" != - ]; }
{ head -c 300000 increment; await has_token; zfs snapshot backup/inc3@meanwhile; tail -c +300001 increment; } >fifo &
rec BadStream receive-s-snapshot-meanwhile receive fifo -s -u backup/inc3
wait $!
zfs send -t "$(token backup/inc3)" | cat >again
rec ResumeStale resume-after-snapshot receive again -s -u backup/inc3
zfs receive -A backup/inc3
{ head -c 300000 increment; sleep 5; zfs snapshot backup/inc2@meanwhile; tail -c +300001 increment; } >fifo &
rec BadStream receive-snapshot-meanwhile receive fifo -u backup/inc2
wait $!

# --- receive: what is there
receive full -u backup/a
rec DestinationExists receive-full-exists receive full -u backup/a
rec DestinationExists receive-full-has-snapshots receive full2 -F -u backup/a
rec DestinationExists receive-full-over-empty receive full -u backup/t
rec NotFound receive-increment-no-dataset receive increment -u backup/none
rec NotFound receive-no-parent receive full -u backup/no/parent
rec NotFound receive-increment-no-parent receive increment -u backup/no/parent
rec NotFound receive-no-pool receive full -u nopool/a
rec NotMatching receive-increment-skipped receive increment3 -u backup/a
zfs create -o readonly=off backup/m
zfs destroy backup/m
receive full backup/m
echo changed >/backup/m/file
rec DestinationModified receive-modified receive increment -u backup/m
receive full -u backup/n
zfs snapshot backup/n@newer
zfs mount backup/n 2>/dev/null
echo changed >/backup/n/file
zfs snapshot backup/n@newest
rec DestinationModified receive-newer-snapshot receive increment -u backup/n
zfs create backup/unrelated
zfs snapshot backup/unrelated@one
rec NotMatching receive-unrelated receive increment -u backup/unrelated
zfs hold keep backup/n@newest
rec Busy receive-F-over-held receive increment -F -u backup/n
zfs release keep backup/n@newest
zfs clone backup/n@newest backup/cloned
rec AlreadyExists receive-F-over-cloned receive increment -F -u backup/n
zfs create -V 1M backup/vol
rec Invalid receive-below-volume receive full -u backup/vol/a
rec DestinationExists receive-over-volume receive full -u backup/vol
rec DestinationExists receive-package-exists receive package -u backup/a
rec Invalid receive-nothing receive full
rec Invalid receive-unknown-option receive full --bogus backup/x
rec BadStream receive-bad-name receive full 'backup/x%'
rec Invalid receive-bad-property receive full -u -o nosuch=1 backup/x
rec Invalid receive-bad-value receive full -u -o compression=bogus backup/x
rec Invalid receive-readonly-property receive full -u -o guid=1 backup/x
long=$(printf '%0250d' 0)
rec Invalid receive-long-name receive full -u "backup/$long"
zfs snapshot tank/b@c
zfs clone tank/a@two tank/clone
echo new >/tank/clone/new
zfs snapshot tank/clone@x
zfs send -i tank/a@two tank/clone@x >clone
rec NotFound receive-clone-no-origin receive clone -u small/clone
rec NotFound receive-clone-other-origin receive clone -u -o origin=small/missing@one small/clone
# --- receive: space
zfs create -o quota=1M backup/q
rec NoSpace receive-quota receive full -u backup/q/a
rec NoSpace receive-s-quota receive full -s -u backup/q/b
zfs create -o reservation=$(($(zfs get -Hpo value available small) - 1000000)) small/reserved
rec NoSpace receive-pool-full receive full2 -u small/a
rec NoSpace receive-s-pool-full receive full2 -s -u small/b

# --- receive: damaged streams
size=$(stat -c %s full2)
cp full2 flipped && flip flipped 1500000 1
rec BadStream receive-flipped receive flipped -u backup/f1
rec BadStream receive-s-flipped receive flipped -s -u backup/f2
cp full2 flipped && flip flipped 320 1
rec BadStream receive-flipped-early receive flipped -u backup/f3
cp full2 flipped && flip flipped $((size - 20)) 1
rec BadStream receive-flipped-end receive flipped -u backup/f4
cp full2 flipped && flip flipped 8 1
rec BadStream receive-bad-magic receive flipped -u backup/f5
head -c 1500000 full2 >cut
rec BadStream receive-cut receive cut -u backup/c1
rec BadStream receive-s-cut receive cut -s -u backup/c2
head -c 312 full2 >cut
rec BadStream receive-cut-after-begin receive cut -u backup/c3
head -c 100 full2 >cut
rec BadStream receive-cut-in-begin receive cut -u backup/c4
rec BadStream receive-cut-increment-in-begin receive cut -u backup/a
head -c $((size - 312)) full2 >cut
rec BadStream receive-cut-before-end receive cut -u backup/c5
rec BadStream receive-empty receive /dev/null -u backup/c6
head -c 100000 /dev/urandom >garbage
rec BadStream receive-garbage receive garbage -u backup/c7
head -c 2000000 package >cut
rec BadStream receive-package-cut receive cut -u backup/c8
cp package flipped && flip flipped 600 1
rec BadStream receive-package-flipped receive flipped -u backup/c9
cp package flipped && flip flipped 2000000 1
rec BadStream receive-package-flipped-late receive flipped -u backup/c10

# --- receive: features
cp full2 flipped && flip flipped 17 4 # reserved for others' features
rec UnsupportedFeature receive-unknown-feature receive flipped -u backup/u1
zfs create -o recordsize=1M tank/l
head -c 3000000 /dev/urandom >/tank/l/file
zfs snapshot tank/l@one
echo more >/tank/l/more
head -c 2000000 /dev/urandom >/tank/l/large
zfs snapshot tank/l@two
zfs send -L tank/l@one | zfs receive -u backup/l
zfs send -i @one tank/l@two >small-blocks
rec UnsupportedFeature receive-requires-L receive small-blocks -u backup/l
zfs send -L tank/l@one >large
rec UnsupportedFeature receive-large-into-old-pool receive large -u old/l
zfs create -o compression=zstd tank/z
yes | head -c 3000000 >/tank/z/file
zfs snapshot tank/z@one
zfs send -c tank/z@one >zstd
rec UnsupportedFeature receive-zstd-into-old-pool receive zstd -u old/z
# What newer versions alone can write is recorded there, for older ones to refuse: its beginning is enough for that.
if zfs create -o longname=on tank/long 2>/dev/null; then
	touch /tank/long/$(printf '%0300d' 1)
	zfs snapshot tank/long@one
	zfs send tank/long@one | head -c 2000 | gzip -9 >/out/longname.zsend.gz
fi
if echo 1048576 >/sys/module/zfs/parameters/zap_micro_max_size 2>/dev/null; then
	zfs create -o recordsize=1M tank/zap
	(cd /tank/zap && seq 1000 4000 | sed 's/^/file/' | xargs touch)
	zfs snapshot tank/zap@one
	zfs send -L tank/zap@one | head -c 2000 | gzip -9 >/out/large-microzap.zsend.gz
fi
for stream in "$here"/*.zsend.gz; do
	[ -e "$stream" ] || continue
	name=$(basename "$stream" .zsend.gz)
	gunzip -c "$stream" >$name.of-2.4
	if ! zpool upgrade -v | grep -q "^$(echo $name | tr - _)"; then
		rec UnsupportedFeature receive-$name-of-2.4 receive $name.of-2.4 -u backup/$name
	fi
done

# --- encryption
echo "correct horse" >key
zfs create -o encryption=on -o keyformat=passphrase -o keylocation=file:///tmp/key tank/e
head -c 1000000 /dev/urandom >/tank/e/file
zfs snapshot tank/e@one
head -c 500000 /dev/urandom >/tank/e/more
zfs snapshot tank/e@two
zfs send tank/e@one >plain
zfs send -i @one tank/e@two >plain-increment
zfs send -w tank/e@one >raw
zfs send -w -i @one tank/e@two >raw-increment
rec EncryptionMismatch send-properties-of-encrypted zfs send -p tank/e@one
rec EncryptionMismatch send-package-of-encrypted zfs send -R tank/e@one
zfs unmount tank/e
zfs unload-key tank/e
rec KeyNotLoaded send-key-not-loaded zfs send tank/e@two
rec KeyNotLoaded send-increment-key-not-loaded zfs send -i @one tank/e@two
zfs create -o encryption=on -o keyformat=passphrase -o keylocation=file:///tmp/key backup/e
receive full -u backup/e/mine
receive plain -u backup/e/rekeyed
receive raw -u backup/raw
receive plain -u backup/plain
rec EncryptionMismatch receive-raw-increment-over-plain receive raw-increment -u backup/plain
rec EncryptionMismatch receive-raw-increment-over-rekeyed receive raw-increment -u backup/e/rekeyed
rec KeyNotLoaded receive-plain-increment-over-raw-no-key receive plain-increment -u backup/raw
rec EncryptionMismatch receive-raw-F-over-plain receive raw -F -u backup/t
rec EncryptionMismatch receive-plain-F-over-encrypted receive full -F -u backup/e
rec EncryptionMismatch receive-raw-F-over-encrypted receive raw -F -u backup/e
rec EncryptionMismatch receive-raw-with-properties receive raw -u -o encryption=on -o keyformat=passphrase -o keylocation=file:///tmp/key backup/e2
rec UnsupportedFeature receive-raw-into-old-pool receive raw -u old/e
zfs unload-key -r backup/e 2>/dev/null || { zfs unmount -f backup/e; zfs unload-key -r backup/e; }
rec KeyNotLoaded receive-parent-key-not-loaded receive full -u backup/e/new
rec KeyNotLoaded receive-key-not-loaded receive increment -u backup/e/mine

# --- permissions
chmod 644 full full2 increment raw
rec PermissionDenied send-denied as_bob zfs send tank/a@one
rec PermissionDenied send-increment-denied as_bob zfs send -i @one tank/a@two
rec PermissionDenied receive-denied as_bob_receive full -u backup/t/a
rec PermissionDenied receive-increment-denied as_bob_receive increment -u backup/a
rec PermissionDenied abort-denied as_bob zfs receive -A backup/r
zfs allow bob receive backup/t
rec PermissionDenied receive-denied-create as_bob_receive full -u backup/t/a
zfs allow bob receive,create backup/t
rec PermissionDenied receive-denied-mount as_bob_receive full -u backup/t/b
zfs allow bob receive,create,mount backup/t
rec PropertyDenied receive-property-denied as_bob_receive full -u -o readonly=on backup/t/c
rec PropertyDenied receive-exclude-denied as_bob_receive full -u -x mountpoint backup/t/d

# --- pools that fail
rec_send_error() {
	zpool export tank
	zpool import -d /tmp tank
	objset=$(zfs get -Hp -o value objsetid tank/a@two)
	zinject -q -b $(printf %x:%x:0:3 $objset $(ls -i /tank/a/file | awk '{print $1}')) -e "$1" tank >/dev/null
}
rec_send_error io
rec PoolIO send-io-error eval 'zfs send tank/a@two >/dev/shm/partial'
zinject -c all >/dev/null
rec_send_error checksum
rec PoolIO send-checksum-error eval 'zfs send tank/a@two >/dev/shm/partial'
zinject -c all >/dev/null
rec BadStream receive-of-failed-send receive /dev/shm/partial -u backup/partial
zpool export old
zpool import -o readonly=on -d /tmp old
rec ReadOnly receive-read-only-pool receive full -u old/r
loop=$(losetup -f)
losetup $loop /tmp/disk5
dmsetup create failing --table "0 262144 linear $loop 0"
zpool create -O mountpoint=/bad -O compression=off -O atime=off bad /dev/mapper/failing
zfs create bad/a
head -c 1000000 /dev/urandom >/bad/a/file
zfs snapshot bad/a@one
zpool sync bad
dmsetup suspend --noflush failing
dmsetup reload failing --table "0 262144 error"
dmsetup resume failing
echo more >/bad/a/more
(zpool sync bad >/dev/null 2>&1 &)
suspended() { [ "$(cat /proc/spl/kstat/zfs/bad/state)" = SUSPENDED ]; }
await suspended
rec_bounded PoolIO send-pool-suspended zfs send bad/a@one
rec_bounded PoolIO receive-pool-suspended receive full -u bad/r
rec_bounded PoolIO snapshot-pool-suspended zfs snapshot bad/a@two
exit 0
