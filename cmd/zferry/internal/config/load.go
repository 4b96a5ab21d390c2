package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// ErrMissing is the error for a configuration whose file doesn't exist.
var ErrMissing = errors.New("there is no configuration")

// Load reads a configuration, with the files that it includes, and sets defaults. The error is several [Error]s that are
// joined, in the order of files and lines, or that of opening the file.
func Load(path string) (*Config, error) {
	data, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	case err != nil:
		return nil, err
	}
	return Parse(path, data)
}

// read reads a file, which may be a device or a pipe.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than 1 MiB", path)
	}
	return data, err
}

// Parse is Load of a file's content. What it includes is read.
func Parse(path string, data []byte) (*Config, error) {
	c := &Config{Path: path}
	main := c.parse(path, data, c)
	files := []*file{main}
	for i, pattern := range c.Include {
		files = append(files, c.include(main, fmt.Sprintf("include[%d]", i), pattern)...)
	}
	c.check(main)
	if err := join(files); err != nil {
		return nil, err
	}
	c.setDefaults()
	return c, nil
}

// parse reads a file into a struct, and returns what was found.
func (c *Config) parse(path string, data []byte, into any) *file {
	f := &file{name: path, at: make(map[string]*token.Token)}
	if body := f.parse(data); body != nil {
		f.decode(body, "", reflect.ValueOf(into).Elem())
	}
	if into == any(c) {
		c.own(f, c.Jobs)
	}
	return f
}

// own notes where jobs are from.
func (c *Config) own(f *file, jobs []Job) {
	for i := range jobs {
		jobs[i].file, jobs[i].path = f, fmt.Sprintf("jobs[%d]", i)
	}
}

// include reads the files of a pattern, which have jobs and nothing else.
func (c *Config) include(main *file, field, pattern string) (files []*file) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(c.Path), pattern)
	}
	paths, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		main.fail(field, "", "%q: %w", pattern, err)
	case len(paths) == 0 && !strings.ContainsAny(pattern, "*?["):
		main.fail(field, "", "there is no file %s", pattern)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if slices.Contains(c.Included, path) {
			main.fail(field, "", "%s is included twice", path)
			continue
		}
		c.Included = append(c.Included, path)
		data, err := read(path)
		if err != nil {
			main.fail(field, "", "%w", err)
			continue
		}
		var part struct {
			Jobs []Job `yaml:"jobs"`
		}
		f := c.parse(path, data, &part)
		c.own(f, part.Jobs)
		c.Jobs = append(c.Jobs, part.Jobs...)
		files = append(files, f)
	}
	return files
}

// setDefaults sets what is left out.
func (c *Config) setDefaults() {
	c.Listen = cmp.Or(c.Listen, DefaultListen)
	c.MaxJobs = cmp.Or(c.MaxJobs, DefaultMaxJobs)
	for i := range c.Jobs {
		j := &c.Jobs[i]
		j.Connection = j.Connection.Or(c.Connection) // and so a change of all is one of the job, which Revision shows
		if j.Retry.Attempts == nil {
			j.Retry.Attempts = new(DefaultRetries)
		}
		j.Retry.Backoff = cmp.Or(j.Retry.Backoff, DefaultBackoff)
		j.Retry.MaxBackoff = cmp.Or(j.Retry.MaxBackoff, max(MaxBackoff, j.Retry.Backoff))
		j.Alert.Stuck = cmp.Or(j.Alert.Stuck, DefaultStuck)
		if r := j.Replicate; r != nil {
			for k := range r.Targets {
				r.Targets[k].Connection = r.Targets[k].Connection.Or(j.Connection)
			}
			if r.When == (When{}) {
				r.After = AfterSnapshot
			}
		}
		if p := j.Prune; p != nil && p.When == (When{}) {
			p.After = AfterReplicate
			if j.Replicate == nil {
				p.After = AfterSnapshot
			}
		}
	}
}
