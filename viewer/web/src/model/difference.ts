// The order of the changes between two traces: what takes longer comes first, by the time that it has for itself, as that is what
// got slower, and not all around it.

import { type Change } from "../import/protocol.js";

/** slower is by how many ns a path has more time for itself in the second trace. */
export function slower(change: Change): number {
  return (change.b?.self ?? 0) - (change.a?.self ?? 0);
}

export function slowerFirst(changes: readonly Change[]): Change[] {
  return [...changes].sort((x, y) => slower(y) - slower(x));
}
