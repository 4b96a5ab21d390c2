#!/bin/sh
# Makes the streams and the resume tokens of this directory on a machine with ZFS:
#
#	go run ./platformtest/vm run --out DIR zfssend/zstream/testdata/make-streams.sh
#
# DIR then holds NAME.zsend.gz, NAME.dump (what "zstream dump" says of it), tokens/NAME.token, tokens/NAME.zstream (what
# "zstream token" says), tokens/NAME.zfs (what "zfs send -nvt" says). The data is as regular as possible, so that they
# are small, and neither random nor dated, but GUIDs and times differ from run to run.
set -eu
out=/out
mkdir -p $out/tokens
truncate -s 512M /tmp/vdev
zpool create -o ashift=9 -O compression=off -O atime=off -m /tank tank /tmp/vdev
zpool version >$out/VERSION 2>&1 || zfs version >$out/VERSION

keep() { # NAME, stream on stdin
	cat >/tmp/$1
	zstream dump </tmp/$1 >$out/$1.dump 2>&1 || echo "zstream dump: exit status $?" >>$out/$1.dump
	gzip -9 </tmp/$1 >$out/$1.zsend.gz
}
lines() { # WORD, COUNT
	yes "$1" | head -n $2
}

# A filesystem with files, holes, a removed file, a link, a sparse file.
zfs create -o recordsize=16K tank/fs
lines one 12000 >/tank/fs/a
lines two 100 >/tank/fs/b
ln -s a /tank/fs/link
mkdir /tank/fs/dir
dd if=/tank/fs/a of=/tank/fs/sparse bs=16k count=1 seek=64 2>/dev/null
zfs snapshot tank/fs@1
zfs send tank/fs@1 | keep full
lines three 9000 >/tank/fs/c
rm /tank/fs/b
truncate -s 20000 /tank/fs/a
dd if=/tank/fs/c of=/tank/fs/sparse bs=16k count=1 seek=32 conv=notrunc 2>/dev/null
zfs snapshot tank/fs@2
zfs send -i @1 tank/fs@2 | keep incremental
zfs snapshot tank/fs@3
zfs send -i @2 tank/fs@3 | keep empty-incremental
zfs bookmark tank/fs@1 tank/fs#one
zfs send -i '#one' tank/fs@2 | keep from-bookmark
zfs send -I @1 tank/fs@3 | keep intermediates
zfs set org.example:word=hello tank/fs
zfs hold keep tank/fs@2
zfs send -p tank/fs@1 | keep properties
zfs send -p -h -b -i @1 tank/fs@2 | keep backup-holds

# Replication: children, a clone, a volume, incremental too.
zfs create tank/tree
zfs create -o org.example:word=inherited tank/tree/child
zfs create -V 1M -o volblocksize=8K tank/tree/vol
lines four 3000 >/tank/tree/file
lines five 3000 >/tank/tree/child/file
zfs snapshot -r tank/tree@1
zfs send -R tank/tree@1 | keep replication
lines six 3000 >/tank/tree/child/other
zfs snapshot -r tank/tree@2
zfs snapshot -r tank/tree@3
zfs send -R -I @1 tank/tree@3 | keep replication-intermediates
zfs send -R -i @1 tank/tree@2 | keep replication-incremental

# A volume.
zfs create -V 1M -o volblocksize=8K tank/vol
for dev in /dev/zd*; do # there is no udev, so no /dev/zvol; the last device is the newest one
	newest=$dev
done
lines seven 20000 | dd of=$newest bs=8k 2>/dev/null
sync
zfs snapshot tank/vol@1
zfs send tank/vol@1 | keep volume

# Large, embedded, compressed blocks; large dnodes; extended attributes in spill blocks.
zfs create -o recordsize=1M -o compression=zstd -o dnodesize=auto -o xattr=sa -o acltype=posix tank/rich
lines eight 300000 >/tank/rich/large
lines nine 20 >/tank/rich/embedded
lines ten 40000 >/tank/rich/medium
zfs snapshot tank/rich@1
zfs send -L -e -c tank/rich@1 | keep large-embedded-compressed
zfs set compression=lz4 tank/rich
lines eleven 40000 >/tank/rich/lz4
zfs snapshot tank/rich@2
zfs send -L -e -c -i @1 tank/rich@2 | keep compressed-incremental
zfs send -e -i @1 tank/rich@2 | keep embedded-incremental
zfs create -o compression=zstd tank/zero
truncate -s 1M /tank/zero/hole
zfs snapshot tank/zero@1
zfs send -c tank/zero@1 | keep hole

# Spill blocks: the targets of long links are system attributes, too long for a bonus buffer.
zfs create tank/spill
i=0
while [ $i -lt 20 ]; do
	ln -s "$(lines fourteen 60 | tr '\n' '/')" /tank/spill/link$i
	i=$((i + 10))
done
zfs snapshot tank/spill@1
zfs send tank/spill@1 | keep spill

# Encrypted: raw, raw incremental, raw volume, raw replication, and in plain.
head -c 32 /dev/zero | tr '\0' k >/tmp/key
zfs create -o encryption=aes-256-gcm -o keyformat=raw -o keylocation=file:///tmp/key -o compression=lz4 tank/secret
lines fifteen 3000 >/tank/secret/file
zfs snapshot tank/secret@1
lines sixteen 100 >/tank/secret/other
zfs snapshot tank/secret@2
zfs send -w tank/secret@1 | keep raw
zfs send -w -i @1 tank/secret@2 | keep raw-incremental
zfs send -w -R tank/secret@2 | keep raw-replication
zfs send tank/secret@1 | keep decrypted

# Redacted.
zfs clone tank/fs@1 tank/redact
lines seventeen 100 >/tank/redact/a
zfs snapshot tank/redact@public
zfs redact tank/fs@1 book tank/redact@public
zfs send --redact book tank/fs@1 | keep redacted

# Resume tokens: streams cut in the middle, what they are resumed with, and what was saved.
cut() { # NAME, BYTES, DATASET, send arguments
	name=$1 bytes=$2 target=$3
	shift 3
	zfs send "$@" | head -c $bytes | zfs receive -s -u $target || true
	token=$(zfs get -H -o value receive_resume_token $target)
	if [ "$token" = - ]; then
		echo "no token of $name" >&2
		return
	fi
	printf '%s\n' "$token" >$out/tokens/$name.token
	zstream token "$token" >$out/tokens/$name.zstream 2>&1 || echo "zstream token: exit status $?" >>$out/tokens/$name.zstream
	zfs send -nvt "$token" >$out/tokens/$name.zfs 2>&1 || echo "zfs send: exit status $?" >>$out/tokens/$name.zfs
	zfs send -nvPt "$token" >$out/tokens/$name.zfs-parsable 2>&1 || true
}
zfs create tank/to
zfs create -o recordsize=16K tank/long
head -c 600000 /dev/zero | tr '\0' x >/tank/long/file
zfs snapshot tank/long@1
head -c 500000 /dev/zero | tr '\0' y >/tank/long/other
zfs snapshot tank/long@2
cut full 300000 tank/to/full tank/long@1
zfs send -t "$(cat $out/tokens/full.token)" | keep resumed
zfs send -S tank/to/full | keep saved
zfs send tank/long@1 | zfs receive -u tank/to/inc
cut incremental 300000 tank/to/inc -i @1 tank/long@2
zfs create -o recordsize=1M tank/large
head -c 4000000 /dev/zero | tr '\0' w >/tank/large/file
zfs snapshot tank/large@1
cut large-embedded-compressed 3000000 tank/to/large -L -e -c tank/large@1
zfs create -o encryption=aes-256-gcm -o keyformat=raw -o keylocation=file:///tmp/key -o compression=lz4 -o recordsize=16K tank/secretlong
head -c 1600000 /dev/zero | tr '\0' z >/tank/secretlong/file
zfs snapshot tank/secretlong@1
cut raw 80000 tank/to/raw -w tank/secretlong@1
zfs send -t "$(cat $out/tokens/raw.token)" | keep raw-resumed
zfs clone tank/long@1 tank/longredact
head -c 100000 /dev/zero | dd of=/tank/longredact/file conv=notrunc 2>/dev/null
zfs snapshot tank/longredact@public
zfs redact tank/long@1 book tank/longredact@public
cut redacted 300000 tank/to/redacted --redact book tank/long@1
zfs send -t "$(cat $out/tokens/redacted.token)" | keep redacted-resumed

# OpenZFS's own fixtures, if they lie next to this script.
for f in dedup dedup_encrypted_zvol; do
	if [ -f /payload/$f.zsend.bz2 ]; then
		bzip2 -dc /payload/$f.zsend.bz2 >/tmp/stream
		zstream dump </tmp/stream >$out/$f.dump 2>&1 || echo "zstream dump: exit status $?" >>$out/$f.dump
	fi
done
ls -l $out $out/tokens
