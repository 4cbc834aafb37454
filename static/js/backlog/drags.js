// Lists whose rows are dragged. Sortable keeps each of them, with all its rows, until it is let go:
// those that are no longer in the page are, as soon as others come.
import Sortable from "sortablejs";

const armed = new Set();
const LOOK_MS = 100;
const inHand = (within) => within.querySelector(".sortable-chosen, .row-rename") !== null;

/** Drawing a part of the page anew under a drag would end it, and take away a title that somebody
 *  types. Resolves once nothing there is held, to whether that took a wait: what was fetched before
 *  it may be out of date. */
export async function whenLetGo(within) {
  if (!inHand(within)) return false;
  do await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  while (inHand(within));
  return true;
}

/** Let the rows of a list be dragged, unless they are already. */
export function letDrag(list, options) {
  letGo();
  if (!Sortable.get(list)) armed.add(Sortable.create(list, options));
}

function letGo() {
  if (Sortable.dragged) return; // letting go of any list would end the drag
  for (const one of armed) {
    if (one.el.isConnected) continue;
    armed.delete(one);
    one.destroy();
  }
}
