// What is visible, as a table: the timeline for who doesn't see it.

import { type Tile } from "../import/tiles.js";
import { countMask, failedBit, openBit } from "../import/tiles.js";
import { duration } from "../model/format.js";
import { level, tileRange } from "../model/zoom.js";
import { focused, momentText } from "./app-state.js";
import { type DataRow, DataTable } from "./data-table.js";
import { Swatch, trackName } from "./parts.js";
import { byOf, views } from "./timeline.js";
import { type Session } from "./session.js";

const most = 2000;

interface Item {
  track: number;
  row: number;
  tile: Tile;
  i: number;
}

/** visibleItems are the items of the tracks in sight and in the window, track by track; each once. */
function visibleItems(session: Session): Item[] {
  const view = views.get(session);
  const w = session.settled.value;
  const items: Item[] = [];
  if (!view) return items;
  const at = level(w, view.width);
  const [first, last] = tileRange(w, at, session.limits.value);
  const seen = new Set<string>();
  for (const laid of view.bands().flatMap((band) => band.laid)) {
    for (const { tile } of session.cache.cover(laid.track.id, at, first, last)) {
      for (let row = 0; row < Math.min(laid.rows, tile.rowStarts.length - 1); row++) {
        for (let i = tile.rowStarts[row]; i < tile.rowStarts[row + 1]; i++) {
          const key = `${laid.track.id}/${tile.positions[i]}/${tile.starts[i]}`;
          if (tile.ends[i] < w.start || tile.starts[i] > w.start + w.span || seen.has(key)) continue;
          seen.add(key);
          items.push({ track: laid.track.id, row, tile, i });
          if (items.length >= most) return items;
        }
      }
    }
  }
  return items;
}

export function Visible() {
  const session = focused.value;
  if (!session) return null;
  void [session.tilesVersion.value, session.shown.layout.value, session.shown.pinnedLayout.value, session.scrollTop.value];
  const items = visibleItems(session);
  const now = session.now();
  return (
    <div class="panel-body filled">
      <div class="panel-tools">
        <span class="scope">
          In sight:{" "}
          <b>
            {items.length}
            {items.length === most ? " and more" : ""}
          </b>
        </span>
        <span class="dim">Short slices beside each other are one row.</span>
      </div>
      <DataTable
        label="Slices in sight"
        class="seen"
        columns={columns}
        count={items.length}
        row={(n) => itemRow(items[n], n, now, session)}
      />
    </div>
  );
}

const columns = [{ name: "Slice" }, { name: "Track" }, { name: "Begins", number: true }, { name: "Duration", number: true }];

function itemRow({ track, row, tile, i }: Item, key: number, now: number, session: Session): DataRow {
  const flags = tile.counts[i];
  const many = flags & countMask;
  const name = session.kinds.name(tile.kinds[i]);
  const start = tile.starts[i];
  const pos = tile.positions[i];
  return {
    key,
    onClick: () => {
      const seen = { key: "", track, row, pos, name, start, end: tile.ends[i] };
      void session.select(byOf(session, seen), seen, true);
    },
    cells: [
      <>
        <Swatch name={name} />
        <span class="link-text">
          {name}
          {many > 1 && ` ×${many}`}
        </span>
        {flags & failedBit ? <span class="pill bad">✕ failed</span> : null}
        {flags & openBit ? <span class="pill warn">open</span> : null}
      </>,
      <span class="cell-rest">{trackName(session, track)}</span>,
      momentText(session, start),
      duration(Math.min(tile.ends[i], now) - start),
    ],
  };
}
