// The cursor, which follows the focus, and the selection, which outlives the rows that show it.
import { say } from "../app.js";
import { allRefs, beside, firstRow, host, refsFrom, rowOf } from "./list.js";

const MOST = 500;
const chosen = new Set();
let cursor = null; // the ref of the row under the cursor
let anchor = null; // where a range begins
let beyond = []; // the refs beside the cursor, for when its row leaves

export const cursorRow = () => cursor && rowOf(cursor);
export const selected = () => [...chosen];
const bar = () => document.getElementById("selection");

/** What a key or a menu acts on: the selection, else the row under the cursor. */
export function targets() {
  if (chosen.size) return selected();
  return cursorRow() ? [cursor] : [];
}

export function select(refs, on = true) {
  if (on) document.dispatchEvent(new Event("list:selected")); // a list beside this one lets go
  for (const ref of refs) {
    if (!on) chosen.delete(ref);
    else if (chosen.size < MOST) chosen.add(ref);
  }
  if (on && refs.some((ref) => !chosen.has(ref))) {
    say(`At most ${MOST} items can be selected at once.`, "warning");
  }
  draw(host());
}

export function clear() {
  const had = chosen.size > 0;
  chosen.clear();
  anchor = null;
  draw(host());
  return had;
}

export const isSelected = (ref) => chosen.has(ref);

/** Mark the rows within an element as they are: under the cursor, selected. */
export function draw(within) {
  if (!within) return;
  for (const row of within.querySelectorAll("[data-list] [data-ref], :scope > [data-ref]")) {
    const { ref } = row.dataset;
    const check = row.querySelector(".row-check");
    row.classList.toggle("is-selected", chosen.has(ref));
    if (check) check.checked = chosen.has(ref);
    const isHere = ref === cursor;
    if (isHere !== row.classList.contains("is-cursor")) reach(row, isHere);
  }
  if (!bar()) return;
  bar().hidden = chosen.size === 0;
  bar().querySelector("[data-selected]").textContent = `${chosen.size} selected`;
  document.body.classList.toggle("has-selection", chosen.size > 0);
}

// Only the cells of the row under the cursor are reached by Tab.
function reach(row, isHere) {
  row.classList.toggle("is-cursor", isHere);
  for (const cell of row.querySelectorAll("[tabindex]")) cell.tabIndex = isHere ? 0 : -1;
}

/** Bring the cursor to a row; `focus` brings the keyboard along. */
export function goTo(row, { focus = true } = {}) {
  if (!row) return;
  const before = cursorRow();
  cursor = row.dataset.ref;
  if (before && before !== row) reach(before, false);
  reach(row, true);
  beyond = [row.nextElementSibling, row.previousElementSibling]
    .map((other) => other?.dataset.ref)
    .filter(Boolean);
  row.scrollIntoView({ block: "nearest" });
  if (focus) row.querySelector(".row-link").focus({ preventScroll: true });
}

/** Where the cursor goes on when these rows have left: the one below, else the one above. */
export function neighbours(row, leaving) {
  const found = [];
  for (const way of ["nextElementSibling", "previousElementSibling"]) {
    let other = row[way];
    while (other && (!other.dataset.ref || leaving.includes(other.dataset.ref))) other = other[way];
    if (other) found.push(other.dataset.ref);
  }
  return found;
}

/** One row on; `extend` selects on the way. Resolves to the row where the cursor is then. */
export async function step(by, { extend = false, focus = true } = {}) {
  const here = cursorRow();
  const left = beyond.map(rowOf).find(Boolean); // where the cursor was
  const next = here ? await beside(here, by) : left ?? (await firstRow());
  if (extend && here) select([cursor]);
  goTo(next, { focus });
  if (extend && next) select([next.dataset.ref]);
  return next;
}

export async function selectAll() {
  const refs = await allRefs();
  select(refs.slice(0, MOST + 1));
}

export function toggle(ref) {
  anchor = ref;
  select([ref], !chosen.has(ref));
}

document.addEventListener("focusin", ({ target }) => {
  const row = target.closest?.("#backlog [data-list] [data-ref]");
  if (row && row.dataset.ref !== cursor) goTo(row, { focus: false });
});

document.addEventListener("click", async (event) => {
  const check = event.target.closest?.("#backlog .row-check");
  if (!check) return;
  const row = check.closest("[data-ref]");
  const from = anchor && rowOf(anchor);
  if (event.shiftKey && from && from !== row) {
    const on = check.checked;
    select(await refsFrom(from, row), on);
  } else {
    select([row.dataset.ref], check.checked);
  }
  anchor = row.dataset.ref;
  goTo(row, { focus: false });
});
