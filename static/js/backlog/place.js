// One's place in the list survives a reload and a way to another page and back.
import { firstAt, partAt, rowOf } from "./list.js";
import { cursorRow, goTo } from "./selection.js";

const KEY = "backlog-place";

const here = () => location.pathname + location.search;

addEventListener("pagehide", () => {
  const row = cursorRow();
  const place = { here: here(), y: scrollY, offset: firstAt(scrollY), ref: row?.dataset.ref };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(place));
  } catch {
    // storage is forbidden here
  }
});

/** Go back to where the person was, once the list has its room. */
export async function keepPlace(ready) {
  const [way] = performance.getEntriesByType("navigation");
  if (way?.type !== "reload" && way?.type !== "back_forward") return;
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return;
  }
  if (kept?.here !== here()) return;
  await ready;
  scrollTo(0, kept.y);
  await partAt(kept.offset)?.load();
  scrollTo(0, kept.y);
  const row = kept.ref && rowOf(kept.ref);
  if (row) goTo(row);
}
