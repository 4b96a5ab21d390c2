package machine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A Disk is a file of the host that the guest has as a block device: the first of [RunOptions.Disks] is /dev/vda, the
// second /dev/vdb. It outlives the run, so a second run finds what a first one wrote.
//
// What the guest wrote to it is in the file even if the machine is killed, whether the guest flushed it or not: such a
// disk has a cache that survives a power cut. What the guest's kernel had not written yet is lost.
//
// A file that does not exist is made, sparse, with one partition that fills it, /dev/vda1. Give that one to zpool: on
// a whole disk it makes a partition by itself and waits half a minute in vain for udev, which the guest hasn't got.
// An existing file is used as it is.
type Disk struct {
	// File is the path of the file. Not two runs may use it at a time.
	File string
	// Size is the file's size in bytes, at least 2 MiB, rounded up to whole MiB; ZFS wants 65 MiB or more. 0 means
	// [DefaultDiskSize] for a new file. An existing file must have this size, if it isn't 0.
	Size int64
}

// DefaultDiskSize is the size of a new [Disk], in bytes. A file takes only the space of what was written to it.
const DefaultDiskSize = 1 << 30

const (
	sectorSize = 512
	mib        = 1 << 20

	maxDisks    = 16
	minDiskSize = 2 * mib
	// A partition table of the PC's kind has sector numbers of 32 bits.
	maxDiskSize = sectorSize << 32
)

// prepare makes the file if it is missing, and checks it if it is there.
func (d Disk) prepare() error {
	err := d.tryPrepare()
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err // the path is told already
		}
		return fmt.Errorf("prepare disk %s: %w", d.File, err)
	}
	return nil
}

func (d Disk) tryPrepare() error {
	if d.File == "" {
		return errors.New("it has no file name")
	}
	want := (d.Size + mib - 1) / mib * mib
	if d.Size != 0 && (d.Size < minDiskSize || d.Size > maxDiskSize) {
		return fmt.Errorf("a size of %d bytes: want %d (2 MiB) to %d (2 TiB)", d.Size, int64(minDiskSize), int64(maxDiskSize))
	}
	st, err := os.Stat(d.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return errors.New("not a regular file; devices of the host are not given to a guest")
	case st.Size() == 0: // just made, by mktemp for instance
	case st.Size()%sectorSize != 0:
		return fmt.Errorf("its %d bytes are no whole number of sectors: no disk", st.Size())
	case want != 0 && st.Size() != want:
		return fmt.Errorf("it exists with %d bytes, not the %d asked for; leave out the size to use it, or remove it", st.Size(), want)
	default:
		return nil
	}
	if want == 0 {
		want = DefaultDiskSize
	}
	return createDisk(d.File, want)
}

// createDisk makes a sparse file with a partition table. The file appears when it is complete, or an empty one that is
// there already is filled. Whatever else has the name is never replaced: the caller's look at it may be out of date, and
// a root that renames over a device destroys that for the whole host.
func createDisk(file string, size int64) error {
	if f, err := os.OpenFile(file, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if !st.Mode().IsRegular() || st.Size() != 0 {
			return errors.New("it is not an empty regular file")
		}
		return fillDisk(f, size)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(fillDisk(f, size), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), file) // which fails if there is one by now; a rename would not
}

func fillDisk(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := f.WriteAt(partitionTable(size), 0)
	return err
}

// partitionTable returns the first sector of a disk with one partition, from 1 MiB to its end: the master boot record
// of the PC. Cylinders, heads and sectors are given as "beyond what they can express".
func partitionTable(size int64) []byte {
	const (
		entries  = 446  // offset of the four entries
		solaris  = 0xbf // partition type that other systems use for ZFS
		first    = mib / sectorSize
		mbrMagic = 0xaa55
	)
	sector := make([]byte, sectorSize)
	e := sector[entries:]
	copy(e[1:4], []byte{0xfe, 0xff, 0xff}) // first sector in the old scheme
	e[4] = solaris
	copy(e[5:8], []byte{0xfe, 0xff, 0xff}) // last sector
	binary.LittleEndian.PutUint32(e[8:], first)
	binary.LittleEndian.PutUint32(e[12:], uint32(min(size/sectorSize-first, 1<<32-1)))
	binary.LittleEndian.PutUint16(sector[510:], mbrMagic)
	return sector
}

func prepareDisks(disks []Disk) error {
	if len(disks) > maxDisks {
		return fmt.Errorf("run the virtual machine: %d disks, more than %d", len(disks), maxDisks)
	}
	for _, d := range disks {
		if err := d.prepare(); err != nil {
			return err
		}
	}
	return nil
}

// diskArgs returns QEMU's arguments for the disks. A write that the guest sees complete is in the host's page cache, a
// flush syncs the file. A host whose disk is full makes the guest's write fail; by default QEMU would stop the machine.
func diskArgs(disks []Disk) []string {
	var args []string
	for i, d := range disks {
		name := fmt.Sprintf("disk%d", i)
		node, err := json.Marshal(map[string]any{
			"driver": "raw", "node-name": name, "discard": "unmap",
			"cache": map[string]bool{"direct": false, "no-flush": false},
			"file":  map[string]any{"driver": "file", "filename": d.File, "discard": "unmap"},
		})
		if err != nil {
			panic(err) // strings and booleans
		}
		args = append(args, "-blockdev", string(node),
			"-device", fmt.Sprintf("virtio-blk-pci,drive=%s,serial=%s,write-cache=on,rerror=report,werror=report", name, name))
	}
	return args
}
