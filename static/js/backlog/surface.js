// The page whose items are changed and opened in a panel: the list of the backlog, or a board. It
// says once, by `serve`, how its items are found and drawn anew, so that neither is known here.
export const surface = {};

/** `ways`: host(), rowOf(ref), targets(), put(answer, refs) after a change, refresh(refs) what may
 *  have changed, step(by) to another item, goBack() to the one under the cursor, bring(url) for
 *  another address of the page, and values(refs, name), a Map of what a field that shows in no
 *  column holds, or null. */
export function serve(ways) {
  Object.assign(surface, ways);
}
