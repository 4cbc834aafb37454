// Where rows go: by dragging, by keys, by menu. The server is told beside which item, never a number;
// what it refuses goes back to where it was.
import { say } from "../app.js";
import { letDrag } from "./drags.js";
import { choose, type } from "./editor.js";
import { beside, carried, countAnew, host, isGrouped, placeOf, refAt, refresh, rowOf, shift } from "./list.js";
import {
  clear, cursorRow, goTo, isSelected, neighbours, selected, targets,
} from "./selection.js";
import { deed } from "./send.js";

const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
const coarse = window.matchMedia("(pointer: coarse)");

export const mayMove = () => "move" in host().dataset;
export const mayDrag = () => "drag" in host().dataset;

const further = []; // places outside of the list
let takeElsewhere = null;

/** Offer more places in the menu: `places()` returns options with a `go(refs, at)`, or a promise of
 *  them; `first` puts them above those of the list. */
export function offerPlaces(places, { first = false } = {}) {
  further.push({ places, first });
}

/** Let `take(row, refs, { to, undo })` bring what is dropped outside of the list to where it fell. */
export function whenDroppedElsewhere(take) {
  takeElsewhere = take;
}

/** `undo` puts rows back that went where they belong at once; those that `crossed` from one part of
 *  the list to another are fetched anew. */
async function move(refs, where, { undo, crossed } = {}) {
  const here = cursorRow();
  const beyond = here ? neighbours(here, refs) : [];
  const answer = await deed(host().dataset.move, { refs, ...where });
  if (!answer) {
    undo?.();
    return;
  }
  if (undo && !crossed && !answer.along) countAnew();
  else await refresh();
  const row = refs.length === 1 && rowOf(refs[0]);
  const next = row || (!cursorRow() && beyond.map(rowOf).find(Boolean)); // where it went has not come
  if (next) goTo(next, { focus: document.activeElement === document.body });
}

/** To the top or the bottom. */
export function toEnd(end, refs = targets()) {
  if (refs.length === 0 || !mayMove()) return;
  move(refs, { to: end }, end === "top" ? lift(refs) : {});
}

/** Rows that have come go to the top of the list at once, in their order, where that has come. */
function lift(refs) {
  const shown = [...host().querySelectorAll("[data-list] [data-ref]")];
  const rows = shown.filter((row) => refs.includes(row.dataset.ref));
  const other = shown.find((row) => !rows.includes(row));
  if (isGrouped() || !other || rows.length < refs.length) return {};
  if (placeOf(other) !== shown.indexOf(other)) return {}; // what lies before it has not come
  const crossed = rows.some((row) => row.parentElement !== other.parentElement);
  const backs = rows.map((row) => shift(row, other, "before"));
  return { undo: () => backs.reverse().forEach((back) => back()), crossed };
}

/** One place up or down among the rows that show; an item's own tasks move along. */
export async function nudge(by) {
  const row = cursorRow();
  if (!row || !mayMove()) return;
  const { ref } = row.dataset;
  let other = await beside(row, by);
  while (other && other.dataset.kind === "task" && other.dataset.parent === ref) {
    other = await beside(other, by);
  }
  if (!other) return;
  const where = by < 0 ? "before" : "after";
  const undo = shift(row, other, where);
  row.querySelector(".row-link").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  move([ref], { [where]: other.dataset.ref }, { undo });
}

/** The menu of places. */
export function placeMenu(at, refs = targets()) {
  if (!mayDrag() || refs.length === 0) return;
  const single = refs.length === 1;
  const title = single ? `Move ${refs[0]}` : `Move ${refs.length} items`;
  choose(at, title, withFurther(mayMove() ? placesOf(single) : []), {
    pick: ({ value, go }) => {
      if (go) go(refs, at);
      else if (value === "up" || value === "down") nudge(value === "up" ? -1 : 1);
      else if (value === "position") toPosition(at, refs);
      else if (value === "before" || value === "after") besideItem(at, refs, value);
      else toEnd(value, refs);
    },
  });
}

/** These options with those of other lists; a promise where one of those has to come first. */
function withFurther(own) {
  const found = further.map(({ places }) => places());
  const joined = (all) => {
    const before = all.filter((_, index) => further[index].first).flat();
    return [...before, ...own, ...all.filter((_, index) => !further[index].first).flat()];
  };
  return found.some((each) => each instanceof Promise) ? Promise.all(found).then(joined) : joined(found);
}

function placesOf(single) {
  return [
    { value: "top", label: "Top" },
    { value: "bottom", label: "Bottom" },
    ...(single
      ? [
          { value: "up", label: "Up", hint: "Alt ↑" },
          { value: "down", label: "Down", hint: "Alt ↓" },
        ]
      : []),
    { value: "position", label: "To a position…" },
    { value: "before", label: "Before an item…" },
    { value: "after", label: "After an item…" },
  ];
}

function toPosition(at, refs) {
  type(at, "Position in this list", { type: "number", min: 1, step: 1 }, {
    save: async (typed) => {
      const place = Number.parseInt(typed, 10);
      if (!(place >= 1)) return say("Type a position, such as 1 or 20.");
      const ref = await refAt(place);
      if (!ref) return move(refs, { to: "bottom" });
      if (refs.includes(ref)) return say(`${ref} stands there already.`, "info");
      const row = refs.length === 1 && rowOf(refs[0]);
      const comesFromAbove = row && placeOf(row) < place - 1;
      return move(refs, { [comesFromAbove ? "after" : "before"]: ref });
    },
  });
}

function besideItem(at, refs, where) {
  type(at, where === "before" ? "Before which item?" : "After which item?", {
    type: "text", placeholder: refs[0], autocomplete: "off",
  }, {
    save: (typed) => {
      const ref = typed.trim().toUpperCase();
      if (!ref) return say("Type a ref, such as the one in the second column.");
      return move(refs, { [where]: ref });
    },
  });
}

// Dragging ------------------------------------------------------------------------------------

function arm(list) {
  let next = null;
  const name = list.parentElement.dataset.in ?? "items";
  letDrag(list, {
    group: { name, put: mayMove() ? [name, "sprint"] : ["sprint"] },
    sort: mayMove(),
    draggable: "[data-ref]",
    handle: coarse.matches ? ".grip" : undefined, // elsewhere a finger scrolls
    filter: "button, input, .row-more",
    preventOnFilter: false,
    animation: reducedMotion.matches ? 0 : 150,
    onStart: ({ item }) => {
      next = item.nextElementSibling;
    },
    onEnd: ({ item, from, to }) => {
      if (from === to && item.nextElementSibling === next) return;
      if (!host().contains(to)) {
        fellElsewhere(item, from, to, next);
        return;
      }
      carried(from, to);
      dropped(item, from, to, next);
    },
  });
}

function fellElsewhere(item, from, to, next) {
  const { ref } = item.dataset;
  const refs = isSelected(ref) ? selected() : [ref];
  const undo = () => from.insertBefore(item, next?.parentElement === from ? next : null);
  takeElsewhere?.(item, refs, { to, undo });
}

function dropped(item, from, to, next) {
  const { ref } = item.dataset;
  const refs = isSelected(ref) ? selected() : [ref];
  const where = spotOf(item, refs);
  const undo = () => {
    carried(to, from);
    from.insertBefore(item, next?.parentElement === from ? next : null);
  };
  const single = refs.length === 1;
  move(refs, where, { undo: single ? undo : undefined }).then(() => single || clear());
}

function spotOf(item, refs) {
  const along = (row) =>
    !row.dataset.ref ||
    refs.includes(row.dataset.ref) ||
    (row.dataset.kind === "task" && refs.includes(row.dataset.parent));
  let before = item.previousElementSibling;
  while (before && along(before)) before = before.previousElementSibling;
  if (before) return { after: before.dataset.ref };
  let after = item.nextElementSibling;
  while (after && along(after)) after = after.nextElementSibling;
  return after ? { before: after.dataset.ref } : { to: "top" };
}

/** While something `isDragging` that the list takes, an empty list offers a place to drop it at. */
export function offerEmpty(isDragging) {
  host().querySelector("[data-list] > .empty-drop")?.remove();
  const list = host().querySelector("[data-list]:not([data-in])");
  if (!isDragging || !list || list.querySelector("[data-ref]")) return;
  const zone = document.createElement("ol");
  zone.className = "rows empty-drop";
  const words = document.createElement("li");
  words.className = "drop-zone";
  words.textContent = "Drop it here, into the backlog";
  zone.append(words);
  list.append(zone);
  arm(zone);
}

/** Let the rows that were drawn be dragged. */
export function armWithin(element) {
  if (!mayDrag()) return;
  const lists = element.matches?.("ol.rows") ? [element] : element.querySelectorAll("ol.rows");
  lists.forEach((list) => list.closest("[data-list]") && arm(list));
  if (mayMove()) document.querySelectorAll("[data-sortable=inbox]").forEach(armInbox);
}

// Filed items are dragged out of the inbox into the list.
function armInbox(list) {
  letDrag(list, {
    group: { name: "items", put: false },
    sort: false,
    draggable: "[data-ref]",
    handle: coarse.matches ? ".grip" : undefined,
    filter: "button",
    preventOnFilter: false,
    animation: reducedMotion.matches ? 0 : 150,
    onStart: () => offerEmpty(true),
    onEnd: ({ item, from, to }) => {
      if (from === to) return offerEmpty(false);
      const where = spotOf(item, [item.dataset.ref]);
      item.remove();
      offerEmpty(false);
      const form = document.getElementById("takes");
      window.htmx.ajax("POST", form.action, {
        source: form,
        target: "#filed",
        swap: "outerMorph",
        values: { refs: item.dataset.ref, ...where },
      });
    },
  });
}
