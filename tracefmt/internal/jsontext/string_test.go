package jsontext

import "testing"

func TestAppendString(t *testing.T) {
	for text, want := range map[string]string{
		"": `""`, "a\"b\\c/": `"a\"b\\c/"`, "\x00\n\r\t\x1f\x7f": "\"\\u0000\\n\\r\\t\\u001f\x7f\"",
		"é😀\u2028\u2029\ufeff": "\"é😀\\u2028\\u2029\ufeff\"", "a\xffb\xe2\x82": `"a\ufffdb\ufffd\ufffd"`,
	} {
		if got := string(AppendString(nil, text)); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", text, got, want)
		}
	}
}
