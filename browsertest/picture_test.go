package browsertest

import (
	"fmt"
	"image"
	"image/color"
	_ "image/png"
	"os"
	"path/filepath"
	"testing"
)

// A tolerance for pictures: fonts are smoothed a little differently from one version of a library to the next, and letters may be drawn
// half a pixel beside, so that a pixel may be found one further, too.
const (
	maxDifference = 40    // of a pixel's red, green or blue, of 255
	maxDifferent  = 0.002 // of all pixels
)

// comparePicture compares a picture with the one that was accepted, or accepts it if that is asked for.
func comparePicture(t *testing.T, got, want string) {
	t.Helper()
	if *update {
		data, err := os.ReadFile(got)
		if os.IsNotExist(err) {
			err = os.Remove(want)
		} else if err == nil {
			if different(got, want) != nil { // what is within the tolerance stays as it is
				err = os.MkdirAll(filepath.Dir(want), 0o755)
				if err == nil {
					err = os.WriteFile(want, data, 0o644)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := different(got, want); err != nil {
		t.Errorf("%v: look at it, and accept it with -update", err)
		if to := os.Getenv("SPANSTACK_ARTIFACTS"); to != "" {
			if data, err := os.ReadFile(got); err == nil {
				t.Log("it is ", filepath.Join(to, "viewer "+filepath.Base(got)), os.WriteFile(filepath.Join(to, "viewer "+filepath.Base(got)), data, 0o644))
			}
		}
	}
}

// different says in what two pictures differ.
func different(got, want string) error {
	a, err := decode(got)
	if err != nil {
		return err
	}
	b, err := decode(want)
	if err != nil {
		return err
	}
	if a.Bounds() != b.Bounds() {
		return fmt.Errorf("%s is %v, it was %v", filepath.Base(got), a.Bounds(), b.Bounds())
	}
	n, where := differing(a, b)
	if m, also := differing(b, a); m > n { // what is missing in one is too much in the other
		n, where = m, also
	}
	if all := a.Bounds().Dx() * a.Bounds().Dy(); float64(n) > maxDifferent*float64(all) {
		return fmt.Errorf("%s differs in %d of %d pixels, within %v", filepath.Base(got), n, all, where)
	}
	return nil
}

// differing counts the pixels that differ, and returns what is around them.
func differing(a, b image.Image) (n int, where image.Rectangle) {
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if !near(a.At(x, y), b, x, y) {
				n++
				where = where.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return n, where
}

// near reports whether a picture has a colour at a pixel or beside it.
func near(c color.Color, m image.Image, x, y int) bool {
	for _, d := range [9]image.Point{{}, {X: 1}, {X: -1}, {Y: 1}, {Y: -1}, {X: 1, Y: 1}, {X: -1, Y: 1}, {X: 1, Y: -1}, {X: -1, Y: -1}} {
		if at := image.Pt(x, y).Add(d); at.In(m.Bounds()) && !apart(c, m.At(at.X, at.Y)) {
			return true
		}
	}
	return false
}

func apart(a, b color.Color) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	far := func(x, y uint32) bool { return max(x, y)-min(x, y) > maxDifference<<8 }
	return far(ar, br) || far(ag, bg) || far(ab, bb)
}

func decode(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	return m, err
}

// TestDifferent: what is moved by more than a pixel is noticed, and smoothing that differs a little isn't.
func TestDifferent(t *testing.T) {
	base := image.NewGray(image.Rect(0, 0, 200, 100))
	moved := image.NewGray(base.Bounds())
	smooth := image.NewGray(base.Bounds())
	for y := 20; y < 60; y++ {
		for x := 20; x < 60; x += 4 {
			base.SetGray(x, y, color.Gray{200})
			moved.SetGray(x+2, y, color.Gray{200})
			smooth.SetGray(x, y, color.Gray{190})
		}
	}
	if n, where := differing(base, moved); n != 400 || where != image.Rect(20, 20, 57, 60) {
		t.Errorf("moved: %d pixels in %v", n, where)
	}
	if n, _ := differing(base, smooth); n != 0 {
		t.Errorf("smooth: %d pixels", n)
	}
}
