// What is to be drawn of tracks: everything that the picture depends on, so that equal scenes are equal pictures.

import { type Piece } from "../model/cache.js";
import { type Axis } from "../model/axis.js";
import { type Kinds } from "../model/kinds.js";
import { type Laid } from "../model/tracks.js";
import { type Window } from "../model/zoom.js";
import { type Measure } from "./text.js";
import { type Theme } from "./theme.js";

/** Band is a part of the picture that scrolls by itself: the pinned tracks, and the others. */
export interface Band {
  laid: readonly Laid[];
  /** top is where y = 0 of the layout is; what is above clipTop or below clipBottom isn't seen. */
  top: number;
  clipTop: number;
  clipBottom: number;
}

export interface Scene {
  width: number;
  height: number;
  window: Window;
  now: number;
  theme: Theme;
  kinds: Kinds;
  measure: Measure;
  axis: Axis;
  bands: readonly Band[];
  /** pieces returns what there is of a track in the window. */
  pieces(track: number): readonly Piece[];
  /** hungAfter is the age in ns from which an open slice stands out: Infinity if nothing is live. */
  hungAfter: number;
  /** waiting are the tracks on which what is open waits for others. */
  waiting: ReadonlySet<number>;
}
