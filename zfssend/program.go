package zfssend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"syscall"
)

// program runs a channel program that returns a table of names and error numbers. The program is a constant, and what
// it works on are its arguments, so that no name can become a part of it.
//
// What channel programs are good for (OpenZFS 2.1): many bookmarks in one process and one transaction group. There is
// no function for holds, nor for the destruction of bookmarks, and zfs destroy does with all snapshots of a dataset what
// a program would do, by a program inside the kernel. Only root may run them.
func (c *Client) program(ctx context.Context, pool, lua string, argv []string) (map[string]int, error) {
	r, err := c.answer(ctx, command{
		op: "program", object: pool, args: append([]string{"-j", pool, "-"}, argv...), stdin: lua, needs: []string{},
	})
	if err != nil {
		return nil, err
	}
	result, err := parseProgram(r.out)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", pool, err)
	}
	return result, nil
}

// parseProgram parses the output of zfs program -j: {"return":{"tank/a#b":17}}.
func parseProgram(out []byte) (map[string]int, error) {
	var result struct {
		Return *map[string]int `json:"return"`
	}
	d := json.NewDecoder(bytes.NewReader(out))
	if err := d.Decode(&result); err != nil {
		return nil, fmt.Errorf("its output: %w", err)
	}
	if result.Return == nil {
		return nil, fmt.Errorf("its output has no result: %.200q", out)
	}
	return *result.Return, nil
}

// errnoCause returns what an error number of the kernel means.
func errnoCause(errno int) Cause {
	switch syscall.Errno(errno) {
	case syscall.ENOENT, syscall.ESRCH:
		return NotFound
	case syscall.EEXIST:
		return AlreadyExists
	case syscall.EBUSY:
		return Busy
	case syscall.EPERM, syscall.EACCES:
		return PermissionDenied
	case syscall.ENOSPC, syscall.EDQUOT:
		return NoSpace
	case syscall.EIO:
		return PoolIO
	default:
		return Unknown
	}
}

// errnoMessage says it in the words of zfs, where there are some.
func errnoMessage(errno int) string {
	switch syscall.Errno(errno) {
	case syscall.ENOENT:
		return "dataset does not exist"
	case syscall.EXDEV:
		return "the bookmark must be in the dataset of its source, or of a clone's origin"
	case syscall.EINVAL:
		return "source is not an ancestor of the new bookmark's dataset"
	default:
		return syscall.Errno(errno).Error()
	}
}
