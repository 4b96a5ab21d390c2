package zfsmodel

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// store is the directory of a model:
//
//	state.json   the state, replaced as a whole
//	lock         locked by who reads (shared) or changes it
//	blocks/      contents of blocks, each named after its hash
//	processes/   a file for each send or receive, which its process keeps locked as long as it lives
//	faults.json  what is to go wrong: see Fault
type store struct{ dir string }

func (s store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// create makes the directories of an empty model.
func (s store) create() error {
	for _, dir := range []string{"blocks", "processes"} {
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(s.path("lock"), nil, 0o600)
}

// view gives f the state. What f changes is lost.
func (s store) view(f func(*state) error) error {
	return s.locked(syscall.LOCK_SH, func(st *state) error {
		s.reap(st)
		return f(st)
	})
}

// update gives f the state to change. What f changed is kept also if it fails, as some commands do part of their work.
func (s store) update(f func(*state) error) error {
	return s.locked(syscall.LOCK_EX, func(st *state) error {
		st.TXG++
		dead := s.reap(st)
		ferr := f(st)
		text, err := json.Marshal(st)
		if err != nil {
			return err
		}
		temp := s.path("state.json.new")
		if err := os.WriteFile(temp, text, 0o600); err != nil {
			return err
		}
		if err := os.Rename(temp, s.path("state.json")); err != nil {
			return err
		}
		for _, id := range dead {
			os.Remove(s.path("processes", id))
		}
		return ferr
	})
}

func (s store) locked(how int, f func(*state) error) error {
	lock, err := os.Open(s.path("lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock(lock, how); err != nil {
		return err
	}
	st := &state{Datasets: make(map[string]*dataset), Operations: make(map[string]*operation)}
	text, err := os.ReadFile(s.path("state.json"))
	if err == nil {
		err = json.Unmarshal(text, st)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f(st)
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

// process is the mark of a send or receive that lives as long as its process: the lock of its file.
type process struct {
	id   string
	file *os.File
}

// register makes a process known to others. It must be called within update.
func (s store) register() (*process, error) {
	id := fmt.Sprintf("%d-%s", os.Getpid(), rand.Text())
	f, err := os.OpenFile(s.path("processes", id), os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return &process{id: id, file: f}, nil
}

// alive reports whether a registered process still is.
func (s store) alive(id string) bool {
	f, err := os.Open(s.path("processes", id))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(flock(f, syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// reap ends the operations of processes that are gone, and returns which ones.
func (s store) reap(st *state) (dead []string) {
	for id, op := range st.Operations {
		if s.alive(id) {
			continue
		}
		if op.Receive != nil {
			s.interrupt(st, id, op.Receive)
		}
		delete(st.Operations, id)
		dead = append(dead, id)
	}
	return dead
}

// putBlock stores a block and returns its hash.
func (s store) putBlock(data []byte) (string, error) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:12])
	name := s.path("blocks", hash)
	if _, err := os.Stat(name); err == nil {
		return hash, nil
	}
	temp := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return "", err
	}
	return hash, os.Rename(temp, name)
}

// errIO is a block that can't be read.
var errIO error = reason("Input/output error")

// getBlock returns a block.
func (s store) getBlock(hash string) ([]byte, error) {
	if hash == damaged {
		return nil, errIO
	}
	return os.ReadFile(s.path("blocks", hash))
}
