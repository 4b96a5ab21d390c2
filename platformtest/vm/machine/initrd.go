package machine

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// etcFiles are the guest's configuration.
//
//go:embed etc
var etcFiles embed.FS

// writeInitrd writes the initramfs of a run to a temporary file and returns its name: the image's archives and
// the tools' one, then one with what belongs to this run.
func (img *Image) writeInitrd(opts RunOptions, config, command string) (name string, err error) {
	archives, err := img.archives(opts.Variant, opts.Tools)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "spanstack-initrd-")
	if err != nil {
		return "", err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	for _, part := range archives {
		if err := appendFile(f, part); err != nil {
			return "", err
		}
	}
	w := newCPIOWriter(f)
	if err := errors.Join(
		w.Bytes("init", 0o755, string(initScript)),
		w.Bytes("run.conf", 0o644, config),
		w.Bytes("command.sh", 0o755, command),
		addTree(w, ".", etcFiles),
	); err != nil {
		return "", err
	}
	if opts.Payload != nil {
		if err := addTree(w, "payload", opts.Payload); err != nil {
			return "", fmt.Errorf("read the payload: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

func appendFile(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// addTree adds all files of tree below dir: directories, regular files and symbolic links.
func addTree(w *cpioWriter, dir string, tree fs.FS) error {
	return fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		guest := path.Join(dir, name)
		if guest == "." {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case fs.ModeDir:
			return w.Dir(guest, info.Mode()|0o700)
		case fs.ModeSymlink:
			target, err := fs.ReadLink(tree, name)
			if err != nil {
				return err
			}
			return w.Symlink(guest, target)
		case 0:
			f, err := tree.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			return w.File(guest, info.Mode(), info.Size(), f)
		default:
			return fmt.Errorf("%s: neither a file, a directory nor a symbolic link", name)
		}
	})
}
