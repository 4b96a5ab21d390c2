package zfssend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
)

const opBookmark = "bookmark"

// Bookmark is a bookmark to be made.
type Bookmark struct {
	Source string // snapshot, or, with OpenZFS 2.0 and later, another bookmark
	Name   string // of the bookmark: "tank/home#mon", or "#mon" of the source's dataset
}

// Bookmark makes bookmarks. That one exists already with the GUID of its source is no error; with another GUID it Is
// [AlreadyExists]. The error is a *[BatchError] that names the bookmarks, or, before anything was done, a *[NameError].
//
// It takes one zfs process for each bookmark, since zfs bookmark makes no more. Several are made by one process for up
// to 500 in a pool, a channel program (zfs-program(8)), where that is permitted, which it is for root alone. What exists
// already costs one process more.
func (c *Client) Bookmark(ctx context.Context, bookmarks ...Bookmark) error {
	sources := make(map[string]string, len(bookmarks))
	names := make([]string, len(bookmarks))
	for i, m := range bookmarks {
		source, err := parse(m.Source, '@', '#')
		if err != nil {
			return err
		}
		if strings.HasPrefix(m.Name, "#") {
			m.Name = source.Dataset + m.Name
		}
		if _, err := parse(m.Name, '#'); err != nil {
			return err
		}
		if other, twice := sources[m.Name]; twice && other != m.Source {
			return &NameError{Name: m.Name, Reason: fmt.Sprintf("it can't be a bookmark of both %s and %s", other, m.Source)}
		}
		names[i], sources[m.Name] = m.Name, m.Source
	}
	b := newBatch(opBookmark, len(bookmarks))
	for _, pool := range grouped(names, poolOf) {
		c.bookmarkPool(ctx, b, pool, sources)
	}
	return c.finish(ctx, b)
}

// maxProgram is how many bookmarks one channel program makes: all in one transaction group, which nobody else can
// write to meanwhile.
const maxProgram = 500

// bookmarkPool makes the bookmarks of a pool.
func (c *Client) bookmarkPool(ctx context.Context, b *batch, names []string, sources map[string]string) {
	var existing []string
	for len(names) > 1 && c.mayRunPrograms() && ctx.Err() == nil {
		part := names[:min(len(names), maxProgram)]
		exist, err := c.bookmarkProgram(ctx, b, part, sources)
		if err != nil && ctx.Err() != nil {
			b.failAll(part, asError(err)) // it may have made them
			names = names[len(part):]
		}
		if err != nil {
			break // not permitted, or an old zfs: one by one then, which also tells why if something is wrong
		}
		existing = append(existing, exist...)
		names = names[len(part):]
	}
	for i, name := range names {
		if b.stop(ctx, names[i:]) {
			break
		}
		if c.bookmarkOne(ctx, b, name, sources[name]) {
			existing = append(existing, name)
		}
	}
	c.checkBookmarks(ctx, b, existing, sources)
}

// mayRunPrograms reports whether it is worth a try to run a channel program.
func (c *Client) mayRunPrograms() bool { return len(c.Command) > 0 || os.Geteuid() == 0 }

// bookmarkLua makes bookmarks: its arguments are pairs of a source and a name. It returns the error numbers of those
// that failed.
const bookmarkLua = `
args = ...
argv = args["argv"]
failed = {}
for i = 1, #argv, 2 do
	err = zfs.sync.bookmark(argv[i], argv[i + 1])
	if err ~= 0 then
		failed[argv[i + 1]] = err
	end
end
return failed
`

// bookmarkProgram makes bookmarks with a channel program, and returns those that exist already. An error says that the
// program failed as a whole, not what it had done by then.
func (c *Client) bookmarkProgram(ctx context.Context, b *batch, names []string, sources map[string]string) (exist []string, err error) {
	argv := make([]string, 0, 2*len(names))
	for _, name := range names {
		argv = append(argv, sources[name], name)
	}
	failed, err := c.program(ctx, poolOf(names[0]), bookmarkLua, argv)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		errno, ok := failed[name]
		switch cause := errnoCause(errno); {
		case !ok:
		case cause == AlreadyExists:
			exist = append(exist, name)
		default:
			b.fail(name, cause, errnoMessage(errno))
		}
	}
	return exist, nil
}

// bookmarkOne makes one bookmark and reports whether it exists already.
func (c *Client) bookmarkOne(ctx context.Context, b *batch, name, source string) (exists bool) {
	_, err := c.answer(ctx, command{
		op: opBookmark, object: name, args: []string{source, name},
		settled: func(e *Error, _ reply) bool { exists = e.Cause == AlreadyExists; return exists },
	})
	if err != nil {
		b.failAll([]string{name}, asError(err))
	}
	return exists
}

// checkBookmarks checks that bookmarks that exist are of their sources.
func (c *Client) checkBookmarks(ctx context.Context, b *batch, names []string, sources map[string]string) {
	for _, part := range split(names, maxArguments/2, maxName) {
		objects := make([]string, 0, 2*len(part))
		for _, name := range part {
			objects = append(objects, name, sources[name])
		}
		guids, err := c.guids(ctx, unique(objects))
		if e, ok := errors.AsType[*Error](err); ok && e.Cause != NotFound {
			b.failAll(part, e)
			continue
		} else if err != nil && !ok {
			b.failAll(part, &Error{Op: opBookmark, Object: objectOf(part), ExitCode: -1, Err: err})
			continue
		}
		for _, name := range part {
			have, want := guids[name], guids[sources[name]]
			switch {
			case want == 0:
				b.fail(name, NotFound, sources[name]+": dataset does not exist")
			case have == 0:
				b.fail(name, NotFound, "it existed, but was destroyed meanwhile")
			case have != want:
				b.fail(name, AlreadyExists, "bookmark exists, and is not of "+sources[name])
			}
		}
	}
}

// GUIDs returns the GUIDs of datasets, snapshots and bookmarks. The error is a *[NameError], or Is [NotFound] if some of them
// don't exist; those of all others are returned all the same. It takes one zfs process as long as all names fit into 256 KiB,
// which looks at nothing else.
func (c *Client) GUIDs(ctx context.Context, names ...string) (map[string]uint64, error) {
	if err := checkNames(names, 0, '@', '#'); err != nil {
		return nil, err
	}
	all := make(map[string]uint64, len(names))
	var missing error
	for _, part := range chunks(unique(names)) {
		guids, err := c.guids(ctx, part)
		if err != nil && !errors.Is(err, NotFound) {
			return nil, err
		}
		maps.Copy(all, guids)
		missing = cmp.Or(missing, err)
	}
	return all, missing
}

// guids returns the GUIDs of what exists. The error Is NotFound if some of it doesn't.
func (c *Client) guids(ctx context.Context, names []string) (map[string]uint64, error) {
	args := append([]string{"-Hp", "-o", "name,value", "guid"}, names...)
	r, failure := c.answer(ctx, command{op: opGet, object: objectOf(names), args: args})
	if failure != nil && !errors.Is(failure, NotFound) {
		return nil, failure
	}
	guids := make(map[string]uint64, len(names))
	for line := range strings.Lines(string(r.out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		guid, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("guid of %s: %w", name, err)
		}
		guids[name] = guid
	}
	return guids, failure
}
