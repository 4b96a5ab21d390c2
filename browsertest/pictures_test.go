package browsertest

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDemoPicture shows the trace that "make demo" left, as the README does: its critical path says where the time of the replication went.
func TestDemoPicture(t *testing.T) {
	file := demoTrace()
	produced(t, file, "make demo")
	setup := pictureSetup{Out: t.TempDir()}
	var err error
	if setup.File, err = filepath.Abs(file); err != nil {
		t.Fatal(err)
	}
	newNode(t).picture(t, "e2e/demo.mjs", "replication.png", setup)
}

// hungSendVariable turns TestHungSend on.
const hungSendVariable = "SPANSTACK_HUNG_SEND"

// TestHungSend watches a zfs send that hangs in the virtual machine, on the module whose SIGKILL doesn't end one, as docs/viewer.md shows
// it: which span is stuck, for how long, and what its log said last.
func TestHungSend(t *testing.T) {
	if os.Getenv(hungSendVariable) == "" {
		t.Skipf("%s isn't set: it takes a minute, for it boots a virtual machine; make hungview does it", hungSendVariable)
	}
	node := newNode(t)
	setup := pictureSetup{Out: t.TempDir(), Process: hungSend(t)}
	if *update {
		setup.Age = 25 // so that what was before is out of sight
	}
	node.picture(t, "e2e/hungsend.mjs", "hung-send.png", setup)
}

// pictureSetup is what scripts of one picture get to know, by $SPANSTACK_E2E.
type pictureSetup struct {
	View    string `json:"view"` // programs
	Convert string `json:"convert"`
	File    string `json:"file"`
	Process string `json:"process"` // URL
	Out     string `json:"out"`
	Age     int    `json:"age"` // s that it must hang before the picture is taken
}

// picture runs a script that looks at a trace, and leaves a picture: of the documentation, if -update says so.
func (n *node) picture(t *testing.T, script, name string, setup pictureSetup) {
	t.Helper()
	bin := t.TempDir()
	for into, path := range map[*string]string{&setup.View: "./cmd/trace-view", &setup.Convert: "./cmd/trace-convert"} {
		*into = build(t, bin, path)
	}
	keepFailures(t, setup.Out)
	env, err := json.Marshal(setup)
	if err != nil {
		t.Fatal(err)
	}
	cmd := n.command(t, script)
	cmd.Env = append(os.Environ(), "SPANSTACK_E2E="+string(env))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	t.Logf("%s", bytes.TrimSpace(out))
	data, err := os.ReadFile(filepath.Join(setup.Out, name))
	if err == nil {
		data, err = packed(data)
	}
	if err == nil {
		err = keepPicture(name, data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// keepPicture leaves a picture where it can be looked at, and puts it into the documentation if that is asked for.
func keepPicture(name string, data []byte) error {
	var folders []string
	if to := os.Getenv("SPANSTACK_ARTIFACTS"); to != "" {
		folders = append(folders, to)
	}
	if *update {
		folders = append(folders, "../docs/pictures")
	}
	for _, folder := range folders {
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name), data, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// packed returns a picture in less space, with the 256 colours that it has most of: a page has few, besides those between letters and
// what is around them.
func packed(data []byte) ([]byte, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	few := image.NewPaletted(m.Bounds(), palette(m))
	draw.Draw(few, m.Bounds(), m, m.Bounds().Min, draw.Src)
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&b, few)
	return b.Bytes(), err
}

// palette returns the colours that a picture has most of.
func palette(m image.Image) color.Palette {
	count := make(map[color.RGBA]int)
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y++ {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
			count[color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), slices.Compare([]uint8{a.R, a.G, a.B}, []uint8{b.R, b.G, b.B}))
	})
	var p color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		p = append(p, c)
	}
	return p
}

// hungSend has a zfs send hang until the test ends, and returns the URL of the zferry that waits for it.
func hungSend(t *testing.T) string {
	t.Helper()
	program := build(t, t.TempDir(), "./platformtest/hungsend")
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir, cmd.WaitDelay = "..", 20*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		t.Cleanup(func() { _ = cmd.Wait() }) // which it comes to by the end of t.Context
		return strings.TrimSpace(line)
	}
	_, _ = io.Copy(io.Discard, out)
	err = cmd.Wait()
	const unavailable = 3
	if cmd.ProcessState.ExitCode() == unavailable && os.Getenv("SPANSTACK_REQUIRE_VM") == "" {
		t.Skipf("%s", said.String())
	}
	t.Fatalf("nothing hangs: %v\n%s", err, said.String())
	return ""
}
