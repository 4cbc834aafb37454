// Where cards go: by dragging, by menu, by keys. A card is there at once; what the server refuses
// goes back to where it was, and what its product's definition of done asks is asked first.
import { say } from "../app.js";
import { letDrag } from "../backlog/drags.js";
import { choose } from "../backlog/editor.js";
import { deed } from "../backlog/send.js";
import {
  cardOf, columnOf, cursorCard, deeds, frame, goTo, host, mayCarry, mayMove, refresh, rowOf,
} from "./board-cards.js";

const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
const coarse = window.matchMedia("(pointer: coarse)");

/** Send a move; `undo` puts the card back. Resolves to whether it happened. */
async function send(fields, undo = () => {}) {
  deeds.underWay += 1;
  const row = rowOf(fields.ref);
  const seen = row.dataset.status;
  if (fields.status) {
    fields = { ...fields, seen }; // who moved it meanwhile is not overruled unawares
    row.dataset.status = fields.status;
  }
  let answer = await deed(host().dataset.move, fields);
  let isCancelled = false;
  while (answer?.asks && !isCancelled) {
    isCancelled = !(await confirmed(answer.asks));
    if (!isCancelled) answer = await deed(host().dataset.move, { ...fields, confirmed: "1" });
  }
  deeds.underWay -= 1;
  const isMoved = Boolean(answer) && !isCancelled;
  if (!isMoved) {
    row.dataset.status = seen;
    undo();
  }
  if (isCancelled) goTo(cardOf(fields.ref));
  if (!deeds.underWay) await refresh(); // also for what others did while the dialog was open
  return isMoved;
}

/** Ask what the definition of done asks; resolves to whether it is to be moved. */
function confirmed(html) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "dialog done-dialog";
    dialog.setAttribute("aria-labelledby", "done-title");
    dialog.innerHTML = html;
    const button = dialog.querySelector("[value=move]");
    const lines = [...dialog.querySelectorAll("[data-line]")];
    const anyway = button.textContent;
    const lacks = dialog.querySelector(".notice") !== null;
    const name = () => {
      const isMet = !lacks && lines.every((line) => line.checked);
      button.textContent = isMet ? button.dataset.doneLabel : anyway;
      button.classList.toggle("btn-primary", isMet);
    };
    dialog.addEventListener("change", name);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "move");
    });
    document.body.append(dialog);
    name();
    dialog.showModal();
    (lines[0] ?? button).focus();
  });
}

/** Let a card stand elsewhere at once; returns what puts it back. */
function shift(card, list, next) {
  const [from, after] = [card.parentElement, card.nextElementSibling];
  list.insertBefore(card, next);
  return () => {
    if (!from.isConnected) return;
    from.insertBefore(card, after?.parentElement === from ? after : null);
  };
}

const cellsOf = (card) => [...card.closest(".board-row").querySelectorAll(".board-cell")];
const listIn = (cell) => cell.querySelector(":scope > .board-cards");

/** To a column: a card first in what is done, else last; a line of a card's tasks where it is. */
export function toColumn(ref, slug) {
  const card = cardOf(ref);
  const row = card ?? rowOf(ref);
  if (!row || !mayMove() || row.dataset.status === slug) return undefined;
  if (!card) return send({ ref, status: slug });
  const cell = cellsOf(card).find(({ dataset }) => dataset.column === slug);
  const list = listIn(cell);
  const undo = shift(card, list, "done" in list.dataset ? list.firstElementChild : null);
  goTo(card);
  return send({ ref, status: slug }, undo);
}

/** One column on, or back. */
export function aside(by) {
  const card = cursorCard();
  if (!card) return;
  const { columns } = frame();
  const next = columns[columns.findIndex(({ value }) => value === columnOf(card)) + by];
  if (next) toColumn(card.dataset.ref, next.value);
}

/** One place up or down in its column. */
export function nudge(by) {
  const card = cursorCard();
  const list = card?.parentElement;
  if (!card || !mayMove() || "done" in list.dataset) return;
  const cards = [...list.children].filter((other) => !other.hidden);
  const other = cards[cards.indexOf(card) + by];
  if (!other) return;
  const undo = shift(card, list, by < 0 ? other : other.nextElementSibling);
  goTo(card);
  send({ ref: card.dataset.ref, [by < 0 ? "before" : "after"]: other.dataset.ref }, undo);
}

/** To the top or the bottom of its column. */
export function toEnd(ref, end) {
  const card = cardOf(ref);
  const list = card.parentElement;
  const others = [...list.children].filter((other) => other !== card);
  if (!others.length || "done" in list.dataset) return say("It is there already.", "info");
  const other = end === "top" ? others[0] : others.at(-1);
  const undo = shift(card, list, end === "top" ? other : null);
  goTo(card);
  return send({ ref, [end === "top" ? "before" : "after"]: other.dataset.ref }, undo);
}

/** The menu of columns. */
export function statusMenu(at, ref) {
  if (!mayMove()) return;
  const now = rowOf(ref).dataset.status;
  const options = frame().columns.map((column) => ({
    ...column,
    state: column.value === now ? "all" : "",
  }));
  choose(at, "Status", options, { pick: ({ value }) => toColumn(ref, value) });
}

/** The menu of places: in the column, and out of the sprint. */
export function moveMenu(at, ref) {
  if (!mayMove()) return;
  const { columns, sprints } = frame();
  const now = rowOf(ref).dataset.status;
  const options = [
    ...columns
      .filter(({ value }) => value !== now)
      .map(({ value, label }) => ({ value: `status ${value}`, label: `To ${label}` })),
    { value: "top", label: "Top of the column" },
    { value: "bottom", label: "Bottom of the column" },
  ];
  if (mayCarry()) {
    options.push({ value: "out backlog", label: "Back to the backlog", hint: "top" });
    for (const { value, label, hint } of sprints) {
      options.push({ value: `out ${value}`, label: `To ${label}`, hint });
    }
  }
  choose(at, `Move ${ref}`, options, {
    pick: ({ value }) => {
      const [what, where] = value.split(" ");
      if (what === "status") toColumn(ref, where);
      else if (what === "out") carry(ref, where);
      else toEnd(ref, value);
    },
  });
}

/** Out of the sprint; the keyboard goes on at a card beside it. */
export async function carry(ref, where) {
  const card = cardOf(ref);
  const beside = [card.nextElementSibling, card.previousElementSibling].map((one) => one?.dataset.ref);
  card.hidden = true;
  const left = await send({ ref, to_backlog: where }, () => (card.hidden = false));
  if (left) goTo(beside.filter(Boolean).map(cardOf).find(Boolean));
}

// Dragging ------------------------------------------------------------------------------------

function arm(list) {
  let next = null;
  letDrag(list, {
    group: { name: list.closest("[data-lane]").dataset.lane || "rest" },
    draggable: ".card-item",
    filter: "button, input, summary, .card-more, .card-tasks",
    preventOnFilter: false,
    sort: !("done" in list.dataset),
    delay: coarse.matches ? 200 : 0, // a finger scrolls, and drags after a moment
    delayOnTouchOnly: true,
    touchStartThreshold: 4,
    animation: reducedMotion.matches ? 0 : 150,
    onStart: ({ item, from }) => {
      next = item.nextElementSibling;
      keepHeight(from.closest(".board-row"));
    },
    onEnd: ({ item, from, to }) => {
      keepHeight(null);
      if (from !== to || item.nextElementSibling !== next) dropped(item, from, to, next);
    },
  });
}

/** No lane becomes lower under the hand that takes the last card of its longest column. */
function keepHeight(row) {
  for (const one of host().querySelectorAll(".board-row")) {
    one.style.minHeight = one === row ? `${row.offsetHeight}px` : "";
  }
}

function dropped(card, from, to, next) {
  const undo = () => from.insertBefore(card, next?.parentElement === from ? next : null);
  const fields = { ref: card.dataset.ref };
  if (from !== to) fields.status = to.dataset.cellOf;
  if (!("done" in to.dataset)) {
    // Beside what it was dropped at; into an empty column it keeps its place in the sprint.
    const [before, after] = [card.previousElementSibling, card.nextElementSibling];
    if (before) fields.after = before.dataset.ref;
    else if (after) fields.before = after.dataset.ref;
  }
  goTo(card, { focus: false });
  send(fields, undo);
}

/** Let the cards that were drawn be dragged. */
export function armAll() {
  if (!mayMove()) return;
  host().querySelectorAll(".board-cards[data-cell-of]").forEach(arm);
}
