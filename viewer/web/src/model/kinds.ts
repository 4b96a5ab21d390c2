// Kinds are the names of slices and marks, by number, with what drawing needs of them computed once.

import { colourOf } from "./colours.js";
import { cut } from "./format.js";

/** drawnLength is how much of a name is ever drawn: more than counts for its colour. */
export const drawnLength = 240;

export class Kinds {
  readonly names: string[] = [];
  readonly categories: string[] = [];
  private colours: number[] = [];

  get length(): number {
    return this.names.length;
  }

  /** add takes names from a number on. Those that are there already stay, as numbers are stable; a gap is refused. */
  add(from: number, names: readonly string[], categories: readonly string[]): void {
    if (from > this.names.length) throw new RangeError(`kinds ${this.names.length} to ${from} are missing`);
    for (let i = this.names.length - from; i < names.length; i++) {
      this.names.push(cut(names[i], drawnLength));
      this.categories.push(cut(categories[i] ?? "", drawnLength));
      this.colours.push(colourOf(names[i]));
    }
  }

  name(kind: number): string {
    return this.names[kind] ?? "…";
  }
  colour(kind: number): number {
    return this.colours[kind] ?? 0;
  }

  clear(): void {
    this.names.length = this.categories.length = this.colours.length = 0;
  }
}
