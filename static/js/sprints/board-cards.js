// The cards of a board: where they are, which is under the cursor, which a filter leaves, and how
// they are drawn anew without a jump.
import { whenLetGo } from "../backlog/drags.js";
import { get } from "../backlog/send.js";

export const host = () => document.getElementById("board");
export const cardOf = (ref) => host().querySelector(`.card-item[data-ref="${CSS.escape(ref)}"]`);
export const rowOf = (ref) => host().querySelector(`[data-ref="${CSS.escape(ref)}"]`);
export const frame = () => JSON.parse(document.getElementById("board-frame").textContent);
export const mayMove = () => "move" in host().dataset;
export const mayCarry = () => "carry" in host().dataset;

const CARDS = ".card-item:not([hidden])";
const seen = (card) => card.checkVisibility();
let cursor = null; // the ref of the card under the cursor
let column = ""; // the column that up and down keep to
let drawn = () => {};

/** `after` is called whenever cards have been drawn. */
export function whenDrawn(after) {
  drawn = after;
}

/** The menu of each card, which only scripts can open. */
export function addMenus() {
  if (!mayMove()) return;
  const template = document.getElementById("card-menu").content.firstElementChild;
  for (const top of host().querySelectorAll(".card-top:not(:has([data-card-menu]))")) {
    const button = template.cloneNode(true);
    button.setAttribute("aria-label", `What to do with ${top.closest("[data-ref]").dataset.ref}`);
    top.append(button);
  }
}

// The cursor, which follows the focus. ------------------------------------------------------------

export const cursorCard = () => cursor && cardOf(cursor);
export const targets = () => (cursorCard() ? [cursor] : []);
export const columnOf = (card) => card.closest("[data-column]").dataset.column;

// Only what is on the card under the cursor is reached by Tab.
function reach(card, isHere) {
  card.classList.toggle("is-cursor", isHere);
  for (const part of card.querySelectorAll("[tabindex]")) part.tabIndex = isHere ? 0 : -1;
}

/** Bring the cursor to a card; `focus` brings the keyboard along. */
export function goTo(card, { focus = true } = {}) {
  if (!card) return;
  const before = cursorCard();
  if (before && before !== card) reach(before, false);
  cursor = card.dataset.ref;
  column = columnOf(card);
  reach(card, true);
  if (focus) {
    card.querySelector(".row-link").focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

document.addEventListener("focusin", ({ target }) => {
  const card = target.closest?.("#board .card-item");
  if (card && card.dataset.ref !== cursor) goTo(card, { focus: false });
});

/** All cards of a column in sight, through all lanes. */
const inColumn = (slug) =>
  [...host().querySelectorAll(`.board-cell[data-column="${CSS.escape(slug)}"] ${CARDS}`)].filter(seen);

export function firstCard() {
  return [...host().querySelectorAll(CARDS)].find(seen) ?? null;
}

/** One card up or down in its column; the card where the cursor is then. */
export function step(by, { focus = true } = {}) {
  const here = cursorCard();
  const cards = here ? inColumn(column) : [];
  const next = here ? cards[cards.indexOf(here) + by] : firstCard();
  goTo(next ?? here, { focus });
  return next ?? here;
}

/** The card at about the same height in the next column that has any. */
export function stepAside(by) {
  const here = cursorCard();
  if (!here) return goTo(firstCard());
  const slugs = frame().columns.map(({ value }) => value);
  const y = here.getBoundingClientRect().top;
  const away = (card) => Math.abs(card.getBoundingClientRect().top - y);
  for (let at = slugs.indexOf(column) + by; slugs[at]; at += by) {
    const [nearest] = inColumn(slugs[at]).sort((one, other) => away(one) - away(other));
    if (nearest) return goTo(nearest);
  }
  return undefined;
}

// Text that is typed narrows the board at once; its address keeps it. ----------------------------

const field = () => document.getElementById("board-q");

function narrow() {
  const words = field().value.toLowerCase().split(/\s+/).filter(Boolean);
  const mine = host().querySelector("[name=mine]").value === "1";
  const cards = [...host().querySelectorAll(".card-item")];
  for (const card of cards) {
    const fits = words.every((word) => card.dataset.words.includes(word)); // as the server does
    card.hidden = !fits || ("notMine" in card.dataset);
  }
  const shown = cards.filter((card) => !card.hidden).length;
  for (const fold of host().querySelectorAll(".board-fold")) {
    if (words.length && fold.querySelector(CARDS)) fold.open = true;
  }
  const isNarrow = words.length > 0 || mine;
  host().querySelector("[data-shown-count]").textContent = isNarrow
    ? `${shown} of ${cards.length} shown`
    : "";
}

export function watchFilter() {
  field().addEventListener("input", () => {
    const query = new URLSearchParams(host().dataset.query);
    if (field().value.trim()) query.set("q", field().value.trim());
    else query.delete("q");
    host().dataset.query = query;
    history.replaceState(null, "", `${location.pathname}?${query}`);
    for (const link of host().querySelectorAll(".board-tools a[href^='?']")) {
      const words = new URLSearchParams(link.getAttribute("href"));
      if (query.has("q")) words.set("q", query.get("q"));
      else words.delete("q");
      link.setAttribute("href", `?${words}`);
    }
    narrow();
  });
  field().form.addEventListener("submit", (event) => {
    event.preventDefault(); // it is narrowed already
    goTo(firstCard());
  });
  narrow();
}

// Drawn anew --------------------------------------------------------------------------------------
let asking = 0;
export const deeds = { underWay: 0 };

/** Bring the board up to date; the cursor, open parts and the places of scrolling stay. */
export async function refresh() {
  const mine = ++asking;
  const query = new URLSearchParams(host().dataset.query);
  query.delete("q"); // all cards come, and are narrowed here
  const response = await get(`${host().dataset.page}?${query}`, { "HX-Target": "div#board" });
  if (!response || mine !== asking) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const isOld = await whenLetGo(host());
  if (mine !== asking || deeds.underWay) return; // after a deed it is drawn anew
  if (isOld) {
    await refresh();
    return;
  }
  const isOpen = new Set(
    [...host().querySelectorAll("details[data-keeps][open]")].map(({ dataset }) => dataset.keeps),
  );
  const held = document.activeElement;
  const hadFocus = held?.closest?.("#board .card-item");
  const cell = held?.dataset.cell;
  for (const part of host().querySelectorAll("[data-part]")) {
    const now = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (!now) continue;
    part.className = now.className;
    part.replaceChildren(...now.childNodes);
  }
  document.getElementById("board-frame").textContent =
    fresh.getElementById("board-frame").textContent;
  for (const details of host().querySelectorAll("details[data-keeps]")) {
    details.open = isOpen.has(details.dataset.keeps);
  }
  narrow();
  drawn();
  const card = cursorCard();
  if (card) reach(card, true);
  if (!card || !hadFocus) return;
  const again = cell && card.querySelector(`[data-cell="${CSS.escape(cell)}"]`);
  (again || card.querySelector(".row-link")).focus({ preventScroll: true });
}
