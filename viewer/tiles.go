package viewer

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/spanstack/spanstack/viewer/internal/index"
)

// maxTiles is how many tiles may be asked for at once.
const maxTiles = 4096

// tileBuffers are the buffers of answers, which are large, and many.
var tileBuffers = sync.Pool{New: func() any { return new([]byte) }}

// tiles serves api/tiles.
func (v *Viewer) tiles(w http.ResponseWriter, r *request) error {
	level, list, err := readTiles(r.Body)
	if err != nil {
		return err
	}
	for i, tile := range list {
		if i == 0 || tile.Track != list[i-1].Track {
			r.known(tile.Track)
		}
	}
	if r.err != nil {
		return r.err
	}
	buf := tileBuffers.Get().(*[]byte)
	defer tileBuffers.Put(buf)
	if *buf, err = r.snap.AppendTiles((*buf)[:0], level, list); err != nil {
		return badRequest("%v", err)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	patient(w)
	_, _ = w.Write(*buf) // the client is gone
	return nil
}

// readTiles reads which tiles are asked for.
func readTiles(body io.Reader) (level int, list []index.TileID, err error) {
	var want struct {
		Level *int      `json:"level"`
		Gen   uint64    `json:"gen"` // what the page knows: it gets what there is
		Tiles [][]int64 `json:"tiles"`
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&want); err != nil {
		if _, isLarge := errors.AsType[*http.MaxBytesError](err); isLarge {
			return 0, nil, refusal{status: http.StatusRequestEntityTooLarge, reason: "the body is too large"}
		}
		return 0, nil, badRequest(`the body can't be read: %v: want {"level": N, "gen": N, "tiles": [[TRACK, INDEX], …]}`, err)
	}
	if want.Level == nil || *want.Level < 0 || *want.Level > index.MaxLevel {
		return 0, nil, badRequest("level: want a number from 0 to %d", index.MaxLevel)
	}
	if len(want.Tiles) > maxTiles {
		return 0, nil, badRequest("there are %d tiles: want %d at most", len(want.Tiles), maxTiles)
	}
	for _, t := range want.Tiles {
		if len(t) != 2 || t[0] < 0 || t[0] > 1<<32-1 {
			return 0, nil, badRequest("tiles: want pairs of a track and an index, not %d", t[:min(len(t), 4)])
		}
		list = append(list, index.TileID{Track: uint32(t[0]), Index: t[1]})
	}
	return *want.Level, list, nil
}
