// Which rows of a sprint are selected: of one sprint at a time, and never beside rows of the backlog.
import { clear } from "../backlog/selection.js";

const chosen = new Set();
let anchor = null; // where a range begins
let root = null; // what holds the sprints

const rows = () => [...root.querySelectorAll(".planned-rows > [data-ref]")];
const rowsBeside = (row) => rows().filter((other) => other.parentElement === row.parentElement);

/** Keep a selection for the sprints that an element holds, or will hold. */
export function takeUpChoice(element) {
  root = element;
  document.addEventListener("list:selected", () => unchoose());
}

export const isChosen = (ref) => chosen.has(ref);

/** What is selected, in the order in which it shows. */
export const chosenRefs = () => rows().map(({ dataset }) => dataset.ref).filter(isChosen);

/** What a deed on a row acts on: the selection that it belongs to, else the row alone. */
export const refsAt = ({ dataset: { ref } }) => (isChosen(ref) ? chosenRefs() : [ref]);

/** Select rows of one list, or let them go; what is selected elsewhere is let go. */
export function choose(wanted, on = true) {
  if (on && wanted.length) {
    clear();
    const own = rowsBeside(wanted[0]).map(({ dataset }) => dataset.ref);
    for (const ref of [...chosen]) if (!own.includes(ref)) chosen.delete(ref);
  }
  for (const { dataset } of wanted) on ? chosen.add(dataset.ref) : chosen.delete(dataset.ref);
  draw();
}

export function unchoose() {
  const had = chosen.size > 0;
  chosen.clear();
  anchor = null;
  draw();
  return had;
}

export function toggle(row) {
  choose([row], !isChosen(row.dataset.ref));
  anchor = row.dataset.ref;
}

export const chooseAll = (row) => choose(rowsBeside(row));

/** A click on the box of a row; with `extends`, all from the last such row on become as it is. */
export function check(row, { extending }) {
  const on = row.querySelector(".row-check").checked;
  const beside = rowsBeside(row);
  const from = beside.findIndex(({ dataset }) => dataset.ref === anchor);
  const to = beside.indexOf(row);
  const isRange = extending && from >= 0;
  choose(isRange ? beside.slice(Math.min(from, to), Math.max(from, to) + 1) : [row], on);
  anchor = row.dataset.ref;
}

/** Show what is selected; what has left the sprints is selected no more. */
export function draw() {
  const shown = rows();
  const refs = new Set(shown.map(({ dataset }) => dataset.ref));
  for (const ref of [...chosen]) if (!refs.has(ref)) chosen.delete(ref);
  for (const row of shown) {
    row.classList.toggle("is-selected", isChosen(row.dataset.ref));
    const box = row.querySelector(".row-check");
    if (box) box.checked = isChosen(row.dataset.ref);
  }
  const bar = root.querySelector("[data-chosen-bar]");
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  const name = chosen.size && root.querySelector(".is-selected").closest("[data-sprint]").dataset.name;
  bar.querySelector("[data-chosen]").textContent = name ? `${chosen.size} of ${name} selected` : "";
  document.body.classList.toggle("has-chosen", chosen.size > 0);
}
