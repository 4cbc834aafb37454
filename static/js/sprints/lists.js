// Sprints beside the list of the backlog: items are dragged, sent by menu or by key from one to the
// other. What the server refuses goes back to where it was, and both sides show what is so now.
import { isWriting, say } from "../app.js";
import { letDrag, whenLetGo } from "../backlog/drags.js";
import { choose as chooseFrom, isOpen as editorIsOpen } from "../backlog/editor.js";
import { host, refresh, rowOf } from "../backlog/list.js";
import { offerEmpty, offerPlaces, whenDroppedElsewhere } from "../backlog/moves.js";
import { isOpen as panelIsOpen, openItem } from "../backlog/panel.js";
import { clear, cursorRow, goTo, neighbours } from "../backlog/selection.js";
import { deed, get } from "../backlog/send.js";
import { isInChord } from "../keys.js";
import {
  check, choose, chooseAll, chosenRefs, draw, isChosen, refsAt, takeUpChoice, toggle, unchoose,
} from "./chosen.js";

const BACKLOG = "backlog";
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
const coarse = window.matchMedia("(pointer: coarse)");

let root = null; // what holds the sprints
let loading = null;
let isLoaded = false;
let stale = false;
let opened = null; // the row whose item the panel shows

const body = () => root.querySelector("[data-body]");
const address = () => root.dataset.moves ?? root.querySelector("[data-moves]")?.dataset.moves;
const sections = () => [...root.querySelectorAll("[data-sprint]")];
/** All sprints that items can go to: those that show, and those that the page names besides. */
const targets = () =>
  [...root.querySelectorAll("[data-sprint], [data-further-sprint]")].map(({ dataset }) => ({
    sprint: dataset.sprint ?? dataset.furtherSprint,
    name: dataset.name,
    state: dataset.state,
  }));
const rows = () => [...root.querySelectorAll(".planned-rows > [data-ref]")];
const plannedRow = (ref) => root.querySelector(`.planned-rows > [data-ref="${CSS.escape(ref)}"]`);
const sprintOf = (element) => element.closest("[data-sprint]").dataset.sprint;

/** Take up the sprints that an element holds, or will once they are fetched; `first` offers them
 *  before the places of the backlog. */
export function takeUpSprints(element, { first = false } = {}) {
  root = element;
  takeUpChoice(root);
  isLoaded = sections().length > 0;
  if (isLoaded) drawn();
  offerPlaces(() => (isLoaded ? places() : ready().then(places)), { first });
  whenDroppedElsewhere((row, refs, { to, undo }) => {
    const sent = send(refs, sprintOf(to), spotOf(row, refs), { from: BACKLOG, undo });
    sent.then((answer) => answer && clear());
  });
}

/** Fetch them, unless they are there; resolves when they show. */
export function ready() {
  return isLoaded ? Promise.resolve() : fetchAnew();
}

/** Show them as they are now. */
export function refreshSprints() {
  if (!isLoaded && !loading) return Promise.resolve(); // folded, and fetched when it is opened
  if (loading) stale = true;
  return fetchAnew();
}

function fetchAnew() {
  loading ??= fetched().finally(() => {
    loading = null;
    if (!stale) return undefined;
    stale = false;
    return fetchAnew();
  });
  return loading;
}

async function fetched() {
  const response = await get(root.dataset.url);
  if (!response) return undefined;
  const html = await response.text();
  if (await whenLetGo(root)) return fetched();
  const adding = addLine();
  const typing = adding?.contains(document.activeElement) && document.activeElement;
  const held = root.contains(document.activeElement) && document.activeElement.closest("[data-ref]");
  const scrolled = root.scrollTop;
  body().innerHTML = html;
  if (adding) addLine()?.replaceWith(adding); // with what is typed there
  if (typing) typing.focus({ preventScroll: true });
  root.scrollTop = scrolled;
  isLoaded = true;
  drawn();
  if (held) focusRow(plannedRow(held.dataset.ref));
  return undefined;
}

function drawn() {
  rows().forEach((row, index) => reach(row, index === 0));
  draw();
  if (address()) root.querySelectorAll(".planned-rows[data-takes]").forEach(arm);
}

// Only one row of the sprints is reached by Tab; keys go on from there.
function reach(row, isHere) {
  for (const part of row.querySelectorAll(".row-link, .row-more")) part.tabIndex = isHere ? 0 : -1;
}

function focusRow(row) {
  if (!row) return;
  rows().forEach((other) => reach(other, other === row));
  row.querySelector(".row-link").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

// Adding -----------------------------------------------------------------------------------------

const addLine = () => root.querySelector("[data-plan-add]");

/** Add what was typed to the sprint, and let the next one be typed. What the server refuses comes
 *  back into the line or, where the next one is being typed already, is told so that it stays. */
async function add(form) {
  const fields = Object.fromEntries(new FormData(form));
  const { title, points } = form.elements;
  title.value = points.value = "";
  title.focus();
  const answer = await deed(form.action, fields);
  if (answer) await refreshSprints();
  else if (title.value) say(`Not added: ${fields.title}`);
  else [title.value, points.value] = [fields.title, fields.points];
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-plan-add]")) return;
  event.preventDefault();
  add(event.target);
});

/** The keyboard goes to the line that adds: of the sprint, where it has one, or of the list. */
function toAdd(isSprints) {
  const line = isSprints && addLine()?.elements.title;
  (line || document.getElementById("quick-title"))?.focus();
}

// Moves ----------------------------------------------------------------------------------------

/** Bring items to a sprint or to the backlog; resolves when both sides show it. */
async function send(refs, home, where, { from, undo } = {}) {
  const answer = await deed(address(), { refs, home, from, ...where });
  if (!answer) undo?.();
  await Promise.all([refresh(), refreshSprints()]);
  return answer;
}

/** Rows of the backlog go into a sprint at once, at its end. */
async function pull(refs, sprint, where = { to: "bottom" }) {
  const shown = refs.map(rowOf).filter(Boolean);
  const beyond = shown.length ? neighbours(shown[0], refs) : [];
  const list = root.querySelector(`[data-sprint="${sprint}"] .planned-rows`);
  const coming = shown.map((row) => row.cloneNode(true));
  coming.forEach((row) => row.removeAttribute("id"));
  list?.append(...coming);
  shown.forEach((row) => (row.hidden = true));
  const undo = () => {
    coming.forEach((row) => row.remove());
    shown.forEach((row) => (row.hidden = false));
  };
  const answer = await send(refs, sprint, where, { from: BACKLOG, undo });
  if (answer) clear();
  goTo(beyond.map(rowOf).find(Boolean) ?? cursorRow());
}

const places = () =>
  (address() ? targets() : []).map(({ sprint, name, state }) => ({
    value: `sprint-${sprint}`,
    label: `Into ${name}`,
    hint: state,
    go: (refs) => pull(refs, sprint),
  }));

/** Beside which item of its list a row stands now. */
function spotOf(row, refs = [row.dataset.ref]) {
  const along = (other) => !other.dataset?.ref || refs.includes(other.dataset.ref);
  let before = row.previousElementSibling;
  while (before && along(before)) before = before.previousElementSibling;
  if (before) return { after: before.dataset.ref };
  let after = row.nextElementSibling;
  while (after && along(after)) after = after.nextElementSibling;
  return after ? { before: after.dataset.ref } : { to: "bottom" };
}

/** One place up or down within its sprint, with all that is selected with it. */
function nudge(row, by) {
  const list = row.parentElement;
  const before = [...list.children];
  const along = refsAt(row).map(plannedRow);
  const [first, last] = [along[0], along.at(-1)];
  let other = by < 0 ? first.previousElementSibling : last.nextElementSibling;
  while (other && along.includes(other)) other = by < 0 ? other.previousElementSibling : other.nextElementSibling;
  if (!other?.dataset.ref || !address()) return;
  if (by < 0) other.before(...along);
  else other.after(...along);
  focusRow(row);
  const sprint = sprintOf(row);
  const where = { [by < 0 ? "before" : "after"]: other.dataset.ref };
  const undo = () => list.isConnected && list.append(...before);
  send(along.map(({ dataset }) => dataset.ref), sprint, where, { from: sprint, undo });
}

/** Out of the sprint, or into another; the keyboard goes on at the neighbour. */
async function away(row, home, where) {
  const refs = refsAt(row);
  const leaving = refs.map(plannedRow);
  const on = neighbours(row, refs)[0];
  const from = sprintOf(row);
  leaving.forEach((one) => (one.hidden = true));
  const undo = () => leaving.forEach((one) => (one.hidden = false));
  const answer = await send(refs, home, where, { from, undo });
  if (answer) unchoose();
  focusRow(plannedRow(row.dataset.ref) ?? (on && plannedRow(on)) ?? rows()[0]);
}

function moveMenu(row, at) {
  if (!address()) return;
  const own = sprintOf(row);
  const refs = refsAt(row);
  const within = (where) =>
    send(refs, own, where, { from: own }).then(() => focusRow(plannedRow(row.dataset.ref)));
  const options = [
    { label: "Back to the top of the backlog", go: () => away(row, BACKLOG, { to: "top" }) },
    { label: "Back to the bottom of the backlog", go: () => away(row, BACKLOG, { to: "bottom" }) },
    { label: "Top of the sprint", go: () => within({ to: "top" }) },
    { label: "Bottom of the sprint", go: () => within({ to: "bottom" }) },
    { label: "Up", hint: "Alt ↑", go: () => nudge(row, -1) },
    { label: "Down", hint: "Alt ↓", go: () => nudge(row, 1) },
    ...targets()
      .filter(({ sprint }) => sprint !== own)
      .map(({ sprint, name, state }) => ({
        label: `Into ${name}`,
        hint: state,
        go: () => away(row, sprint, { to: "bottom" }),
      })),
  ];
  const what = refs.length === 1 ? refs[0] : `${refs.length} items`;
  chooseFrom(at, `Move ${what}`, options, { pick: ({ go }) => go() });
}

function arm(list) {
  let next = null;
  letDrag(list, {
    group: { name: "sprint", put: (to, from) => from.el.dataset.sortable !== "inbox" },
    draggable: "[data-ref]",
    handle: coarse.matches ? ".grip" : undefined,
    filter: "button, input",
    preventOnFilter: false,
    animation: reducedMotion.matches ? 0 : 150,
    onStart: ({ item }) => {
      next = item.nextElementSibling;
      offerEmpty(true);
    },
    onEnd: ({ item, from, to }) => {
      if (from === to && item.nextElementSibling === next) {
        offerEmpty(false);
        return;
      }
      const undo = () => from.isConnected && from.insertBefore(item, next);
      const home = host().contains(to) ? BACKLOG : sprintOf(to);
      const refs = refsAt(item);
      const where = spotOf(item, refs);
      const seen = sprintOf(from);
      if (home === BACKLOG) item.remove(); // the list draws its own row
      offerEmpty(false);
      const back = () => (home === BACKLOG ? from.insertBefore(item, next) : undo());
      const sent = send(refs, home, where, { from: seen, undo: back });
      if (refs.length > 1) sent.then((answer) => answer && unchoose());
    },
  });
}

// Clicks and keys --------------------------------------------------------------------------------

function open(row) {
  opened = row.dataset.ref;
  openItem(opened);
}

document.addEventListener("click", (event) => {
  const button = root?.contains(event.target) && event.target.closest("[data-chosen-do]");
  if (button) return actOnChosen(button);
  const row = root?.contains(event.target) && event.target.closest(".planned-rows > [data-ref]");
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (row && event.target.matches(".row-check")) check(row, { extending: event.shiftKey });
  if (!row || !isPlain) return;
  const more = event.target.closest("[data-planned-menu]");
  if (more) moveMenu(row, more);
  else if (event.target.closest(".row-link")) {
    event.preventDefault();
    open(row);
  }
});

function actOnChosen(button) {
  const row = plannedRow(chosenRefs()[0]);
  const what = button.dataset.chosenDo;
  if (what === "move") moveMenu(row, button);
  else if (what === "backlog") away(row, BACKLOG, { to: "top" });
  else {
    unchoose();
    focusRow(row);
  }
}

document.addEventListener("item:closed", ({ detail }) => {
  if (opened !== detail.ref) return;
  opened = null;
  refreshSprints().then(() => focusRow(plannedRow(detail.ref)));
});

document.addEventListener("items:changed", () => refreshSprints());

document.addEventListener("focusin", ({ target }) => {
  const row = root?.contains(target) && target.closest(".planned-rows > [data-ref]");
  if (row) rows().forEach((other) => reach(other, other === row));
});

function act(event, row) {
  const { key } = event;
  const shown = rows();
  const at = shown.indexOf(row);
  if (event.altKey) {
    if (key === "ArrowUp" || key === "ArrowDown") return () => nudge(row, key === "ArrowUp" ? -1 : 1);
    return null;
  }
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (event.ctrlKey || event.metaKey) return letter === "a" && address() ? () => chooseAll(row) : null;
  const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
  if (letter in steps) {
    const next = shown[at + steps[letter]];
    return () => (event.shiftKey && address() ? extend(row, next) : focusRow(next));
  }
  const others = {
    x: () => address() && toggle(row),
    m: () => moveMenu(row, row.querySelector(".row-more")),
    ".": () => moveMenu(row, row.querySelector(".row-more")),
    o: () => backToList(),
    n: () => toAdd(true),
    Enter: () => event.target.matches(".row-link") && open(row),
  };
  if (key === "Enter" && !event.target.matches(".row-link")) return null;
  return others[key] ?? null;
}

/** Select this row and the next one of its sprint, and go on there. */
function extend(row, next) {
  const isBeside = next?.parentElement === row.parentElement;
  choose(isBeside ? [row, next] : [row]);
  if (isBeside) focusRow(next);
}

function backToList() {
  goTo(cursorRow() || host().querySelector("[data-list] [data-ref]"));
}

document.addEventListener("keydown", (event) => {
  if (!root || event.isComposing || event.defaultPrevented || editorIsOpen() || panelIsOpen()) return;
  if (isWriting(event.target) && !event.target.matches(".planned-rows .row-check")) return;
  if (event.key === "Escape" && unchoose()) return event.preventDefault();
  const row = root.contains(event.target) && event.target.closest(".planned-rows > [data-ref]");
  const isPlain =
    !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey && !isInChord();
  let todo = row ? act(event, row) : null;
  if (!row && event.key === "o" && isPlain) todo = () => over();
  if (!row && event.key === "n" && isPlain && document.getElementById("quick-title")) {
    todo = () => toAdd(false);
  }
  if (!todo) return;
  event.preventDefault();
  todo();
});

/** The keyboard goes over to the sprints, which are opened for it. */
function over() {
  if (root.matches("details")) root.open = true;
  ready().then(() => focusRow(rows()[0]));
}
