package viewer

import (
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"strings"

	"github.com/spanstack/spanstack/internal/access"
)

// built is the page, as npm builds it from viewer/web.
//
//go:embed all:web/dist
var built embed.FS

// page is that without the folders around it.
var page = func() fs.FS {
	sub, err := fs.Sub(built, "web/dist")
	if err != nil {
		panic(err) // of a name that isn't valid
	}
	return sub
}()

// policy lets the page run its own scripts and nothing else: whatever a trace has in it is text, and what isn't would be refused. Perfetto's UI and speedscope are
// other pages, which get the trace by a message.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// setSafe sets the headers that all answers have.
func setSafe(h http.Header) {
	access.SetSafe(h)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
}

// serveFile serves one of the files of a page. Those of assets/ have a hash of their content in their names.
func serveFile(w http.ResponseWriter, r *http.Request, files fs.FS, name string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed(http.MethodGet)
	}
	if name == "" {
		name = "index.html"
	}
	if info, err := fs.Stat(files, name); err != nil || info.IsDir() {
		return notFound("there is no such page")
	}
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, files, name)
	return nil
}

// speedscopePolicy is policy for speedscope's own pages alone. It makes its styles by script, and its reader of profiles calculates with 64 bits by
// a few bytes of WebAssembly, which are in that script: nothing of a trace becomes code. It looks for modules of Node by eval, too, and does
// without when that is refused.
const speedscopePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// serveSpeedscope serves the files of speedscope.
func (v *Viewer) serveSpeedscope(w http.ResponseWriter, r *http.Request) error {
	if v.config.Speedscope == nil {
		return notFound("this program has no speedscope")
	}
	w.Header().Set("Content-Security-Policy", speedscopePolicy)
	return serveFile(w, r, v.config.Speedscope, strings.TrimPrefix(r.URL.Path, "/speedscope/"))
}

// NewToken returns a token that can't be guessed, to be part of a URL.
func NewToken() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
