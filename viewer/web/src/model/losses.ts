// Where records are missing, and what is drawn of it: places that are too close to be told apart are one, with the sum of what was
// lost there.

import { type LossPlace } from "../import/protocol.js";
import { count, plural } from "./format.js";
import { toX, type Window } from "./zoom.js";

/** Sum is how many records are missing at some places. uncounted are marks that don't say how many. */
export interface Sum {
  count: number;
  marks: number;
  uncounted: number;
}

/** Gap is some places that are drawn as one, from number first up to and without last. x and right are pixels, from and until ns. */
export interface Gap extends Sum {
  first: number;
  last: number;
  x: number;
  right: number;
  from: number;
  until: number;
}

/** beside is how many pixels beside the window what reaches beyond it ends: nobody sees where, and nobody draws a line a million pixels long. */
const beside = 50;

/** Losses are the places of a trace, in the order of time, with sums of all before each: any stretch of them is summed up by two looks. */
export class Losses {
  private counts: Float64Array;
  private marks: Float64Array;
  private uncounted: Float64Array;

  constructor(readonly places: readonly LossPlace[]) {
    this.counts = sums(places, (place) => place.count);
    this.marks = sums(places, (place) => place.marks);
    this.uncounted = sums(places, (place) => place.uncounted);
  }

  sum(first: number, last: number): Sum {
    const of = (before: Float64Array) => before[last] - before[first];
    return { count: of(this.counts), marks: of(this.marks), uncounted: of(this.uncounted) };
  }

  /** after is the number of the first place that begins after a time. */
  after(time: number, from = 0): number {
    let low = from;
    let high = this.places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.places[middle].time > time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** gaps are what a window of some width shows of them: all that begins within reach pixels of the first is one. */
  gaps(w: Window, width: number, reach: number): Gap[] {
    const list: Gap[] = [];
    const reaching = (reach * w.span) / width;
    let first = this.after(w.start);
    if (first > 0 && this.places[first - 1].until >= w.start) first--; // it goes on
    while (first < this.places.length && this.places[first].time <= w.start + w.span) {
      const from = this.places[first].time;
      const last = this.after(from + reaching, first + 1);
      const { until } = this.places[last - 1];
      const [x, right] = [Math.max(-beside, toX(w, width, from)), Math.min(width + beside, toX(w, width, until))];
      list.push({ ...this.sum(first, last), first, last, from, until, x, right });
      first = last;
    }
    return list;
  }
}

function sums(places: readonly LossPlace[], of: (place: LossPlace) => number): Float64Array {
  const list = new Float64Array(places.length + 1);
  places.forEach((place, i) => {
    list[i + 1] = list[i] + of(place);
  });
  return list;
}

/** add is the sum of two. */
export function add(a: Sum, b: Sum): Sum {
  return { count: a.count + b.count, marks: a.marks + b.marks, uncounted: a.uncounted + b.uncounted };
}

/** lost says how much was lost: 1 234 lost, or as much as is known of it. */
export function lost({ count: n, uncounted }: Sum): string {
  if (!uncounted) return `${count(n)} lost`;
  return n ? `${count(n)} lost, and more` : "some lost";
}

/** recordsLost says it at length. */
export function recordsLost({ count: n, uncounted }: Sum): string {
  if (!uncounted) return `${plural(n, "record")} lost`;
  return n ? `${plural(n, "record")} lost, and more that nobody counted` : "records lost that nobody counted";
}
