package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

const diskUsage = "FILE[,SIZE]: a file as a disk, SIZE with K, M, G or T (a new one: 1G); may be repeated"

// diskFlag are the values of --disk.
type diskFlag []machine.Disk

func (d *diskFlag) String() string {
	var files []string
	for _, disk := range *d {
		files = append(files, disk.File)
	}
	return strings.Join(files, " ")
}

func (d *diskFlag) Type() string { return "file" }

func (d *diskFlag) Set(value string) error {
	disk, err := parseDisk(value)
	if err == nil {
		*d = append(*d, disk)
	}
	return err
}

// A comma that no size follows belongs to the file's name.
var diskPattern = regexp.MustCompile(`^(.+?)(?:,([0-9]+)([KMGT]?))?$`)

func parseDisk(value string) (machine.Disk, error) {
	m := diskPattern.FindStringSubmatch(value)
	if m == nil {
		return machine.Disk{}, fmt.Errorf("%q is not FILE or FILE,SIZE", value)
	}
	disk := machine.Disk{File: m[1]}
	if m[2] == "" {
		return disk, nil
	}
	shift := 10 * strings.Index(" KMGT", m[3])
	if m[3] == "" {
		shift = 0
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil || n == 0 || n > math.MaxInt64>>shift {
		return machine.Disk{}, fmt.Errorf("%q has an impossible size", value)
	}
	disk.Size = n << shift
	return disk, nil
}
