package terminal

import (
	"bytes"
	"os"
	"testing"
)

func TestIsNot(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, stream := range map[string]any{"/dev/null": null, "a buffer": new(bytes.Buffer), "nothing": nil} {
		if Is(stream) {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
}

func TestIs(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal to be had: %v", err)
	}
	defer tty.Close()
	if !Is(tty) {
		t.Error("a pseudo-terminal isn't taken for a terminal")
	}
}
