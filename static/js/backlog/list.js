// The list, however long: parts of fifty rows that come when they are scrolled to and go when they
// are far away, so that the page weighs the same for ten items and for a hundred thousand.
import { whenLetGo } from "./drags.js";
import { get } from "./send.js";

const NEAR = "1000px 0px";
const MOST_LOADED = 8; // parts that stay although nobody sees them
const QUIET_MS = 100;
const USUAL_HEIGHT = 37;
const MOST_ROWS = 100; // that an address can name

export const host = () => document.getElementById("backlog");
export const rowOf = (ref) => host().querySelector(`[data-list] [data-ref="${CSS.escape(ref)}"]`);
const rowsOf = (ref) => host().querySelectorAll(`[data-list] [data-ref="${CSS.escape(ref)}"]`);

const parts = new WeakMap(); // by their elements
let lists = [];
let drawn = () => {};
let line = null;

/** `after` is called whenever rows have been drawn. */
export function whenDrawn(after) {
  drawn = after;
}

function address(base, more) {
  const query = new URLSearchParams(host().dataset.query);
  for (const [name, value] of Object.entries(more)) {
    for (const each of [value].flat()) query.append(name, each);
  }
  return `${base}?${query}`;
}

class Part {
  constructor(list, element, count) {
    this.list = list;
    this.element = element;
    this.count = count;
    this.isLoaded = element.childElementCount > 0;
    this.isNear = false;
    this.isStale = false;
    this.loading = null;
    parts.set(element, this);
    if (!this.isLoaded) this.reserve();
  }

  get offset() {
    let sum = 0;
    for (const part of this.list.parts) {
      if (part === this) return sum;
      sum += part.count;
    }
    return sum;
  }

  reserve() {
    this.element.replaceChildren();
    this.element.style.height = `${Math.round(this.count * this.list.rowHeight)}px`;
    this.element.setAttribute("aria-busy", "true");
    this.isLoaded = false;
  }

  load() {
    if (this.isLoaded && !this.isStale) return Promise.resolve();
    this.loading ??= this.fetched().finally(() => (this.loading = null));
    return this.loading;
  }

  async fetched() {
    this.isStale = false;
    const more = { offset: this.offset, limit: this.count };
    if (this.list.within !== undefined) more.in = this.list.within;
    const response = await get(address(host().dataset.rows, more));
    if (!response || !this.element.isConnected) {
      this.isStale = true;
      return undefined;
    }
    const html = await response.text();
    // What comes into view under a drag is drawn at once; rows that are there wait.
    const isOld = await whenLetGo(this.isLoaded ? host() : this.element);
    if (isOld || this.isStale) return this.fetched(); // it changed again meanwhile
    return this.put(html);
  }

  put(html) {
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    const held = focused?.closest("[data-ref]")?.dataset.ref;
    const cell = focused?.dataset.cell;
    this.element.innerHTML = html;
    this.element.style.height = "";
    this.element.removeAttribute("aria-busy");
    this.isLoaded = true;
    this.count = this.rows.length;
    if (this.count) this.list.rowHeight = this.element.offsetHeight / this.count || USUAL_HEIGHT;
    placeLine();
    placeColumns(this.element.closest(".row-list"));
    drawn(this.element);
    stay();
    const row = held && rowOf(held);
    if (!row) return;
    const again = cell && row.querySelector(`[data-cell="${CSS.escape(cell)}"]`);
    (again || row.querySelector(".row-link")).focus({ preventScroll: true });
  }

  get rows() {
    return [...this.element.children].filter((row) => row.dataset.ref);
  }
}

let stood = null; // where rows stood on the screen before they were brought up to date, by ref

/** While the work brings the list up to date, what is in sight stays where it is on the screen. */
export async function steadily(work) {
  const mine = (stood ??= standing());
  const letGo = () => (stood = null); // whoever scrolls goes where they will
  const hands = ["wheel", "touchmove", "keydown", "pointerdown"];
  const watching = new AbortController();
  const options = { capture: true, passive: true, signal: watching.signal };
  hands.forEach((name) => addEventListener(name, letGo, options));
  try {
    await work();
  } finally {
    watching.abort();
    if (stood === mine) stood = null;
  }
}

function standing() {
  if (scrollY === 0) return null; // the top stays the top
  const tops = new Map();
  for (const row of host().querySelectorAll("[data-list] [data-ref]")) {
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom > 0 && top < innerHeight) tops.set(row.dataset.ref, top);
  }
  return tops;
}

/** Scroll so that most rows stand where they stood, whichever of them others moved. */
function stay() {
  if (!stood) return;
  const counts = new Map();
  for (const [ref, top] of stood) {
    const row = rowOf(ref);
    if (!row) continue;
    const by = row.getBoundingClientRect().top - top;
    const alike = counts.get(Math.round(by)) ?? [];
    counts.set(Math.round(by), [...alike, by]);
  }
  const [most] = [...counts.values()].sort((one, other) => other.length - one.length);
  if (most?.[0]) scrollBy({ top: most[0], behavior: "instant" });
}

class List {
  constructor(root) {
    this.root = root;
    this.within = root.dataset.in;
    this.rowHeight = USUAL_HEIGHT;
    this.parts = [];
    this.seenAt = -QUIET_MS;
    this.watcher = new IntersectionObserver((seen) => this.seen(seen), { rootMargin: NEAR });
    const first = root.querySelector(":scope > ol");
    if (first && Number(first.dataset.offset) > 0) first.remove();
    else if (first) this.add(first, first.childElementCount);
    if (root.dataset.total) this.setTotal(Number(root.dataset.total));
  }

  add(element, count) {
    const part = new Part(this, element, count);
    this.parts.push(part);
    if (part.isLoaded && count) this.rowHeight = element.offsetHeight / count || USUAL_HEIGHT;
    this.watcher.observe(element);
    return part;
  }

  get total() {
    return this.parts.reduce((sum, part) => sum + part.count, 0);
  }

  /** Make room for so many rows, the surplus or the lack at the end. */
  setTotal(total) {
    const slice = Number(host().dataset.slice);
    let lack = total - this.total;
    while (lack > 0) {
      const element = document.createElement("ol");
      element.className = "rows";
      this.root.append(element);
      lack -= this.add(element, Math.min(slice, lack)).count;
    }
    while (lack < 0 && this.parts.length) {
      const part = this.parts.at(-1);
      const cut = Math.min(part.count, -lack);
      part.count -= cut;
      lack += cut;
      if (!part.count) this.drop(part);
      else {
        part.isStale = true;
        if (part.isNear) part.load();
      }
    }
  }

  drop(part) {
    this.watcher.unobserve(part.element);
    part.element.remove();
    this.parts = this.parts.filter((other) => other !== part);
  }

  /** A part in sight is fetched at once; of those that rush by in a long scroll, only where it ends. */
  seen(entries) {
    for (const { target, isIntersecting } of entries) parts.get(target).isNear = isIntersecting;
    const wasQuiet = performance.now() - this.seenAt > QUIET_MS;
    this.seenAt = performance.now();
    clearTimeout(this.settling);
    if (wasQuiet) this.settle();
    this.settling = setTimeout(() => this.settle(), QUIET_MS);
  }

  settle() {
    this.parts.filter((part) => part.isNear).forEach((part) => part.load());
    const far = this.parts.filter((part) => part.isLoaded && !part.isNear);
    for (const part of far.slice(0, Math.max(0, far.length - MOST_LOADED))) {
      if (!part.element.contains(document.activeElement)) part.reserve();
    }
  }

  /** Parts as long as they were served, whatever rows were carried from one to another. */
  even() {
    let left = this.total;
    const slice = Number(host().dataset.slice);
    for (const part of [...this.parts]) {
      part.count = Math.min(slice, left);
      left -= part.count;
      if (!part.count) this.drop(part);
    }
    this.setTotal(this.total + left);
  }

  /** All rows may be other ones now: those in sight are fetched, the rest when they are seen. */
  refresh() {
    this.even();
    for (const part of this.parts) {
      part.isStale = true;
      if (part.isNear) part.load();
      else if (part.isLoaded) part.reserve();
    }
  }

  stop() {
    clearTimeout(this.settling);
    this.watcher.disconnect();
  }
}

/** Take up the lists that the page holds now. */
export function takeUp() {
  lists.forEach((list) => list.stop());
  lists = [...host().querySelectorAll("[data-list]")].map((root) => new List(root));
  host().querySelectorAll("[data-without-script]").forEach((part) => (part.hidden = true));
  drawn(host());
  return countAnew();
}

/** Other rows are about to come: comparing them with those that stand here takes longer than to put
 * them there. Whoever is at one of these rows keeps it. */
export function makeRoom() {
  const old = document.getElementById("lists");
  if (!old.contains(document.activeElement)) old.replaceChildren();
}

// Figures: what takes counting comes after the rows. --------------------------------------------
let counting = 0;

export async function countAnew() {
  const mine = ++counting;
  const response = await get(address(host().dataset.figures, {}));
  if (!response || mine !== counting) return;
  const figures = await response.json();
  if (mine !== counting) return;
  document.getElementById("backlog-counts").innerHTML = figures.counts;
  const rooms = document.getElementById("rooms");
  if (rooms) showRooms(rooms, figures.rooms);
  const chip = host().querySelector("[data-done-chip]");
  if (chip && !chip.matches(".is-on")) {
    chip.hidden = figures.done === 0;
    chip.lastChild.textContent = `Show ${figures.done.toLocaleString("en")} done`;
  }
  if (figures.groups.length || lists.some((list) => list.within !== undefined)) {
    if (!groupsFit(figures.groups)) return bringList();
  }
  const [only] = lists;
  if (only && only.within === undefined) {
    only.setTotal(figures.total);
    const empty = host().querySelector("[data-when-empty]");
    if (empty) empty.hidden = figures.total > 0;
  }
  line = figures.line;
  placeLine();
}

/** The badges of the rooms anew; the room of this page stays the one it was, whoever counted. */
function showRooms(rooms, html) {
  const here = rooms.querySelector("[aria-current]")?.getAttribute("href");
  rooms.outerHTML = html;
  for (const link of document.querySelectorAll("#rooms a")) {
    if (link.getAttribute("href") === here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Bring the sums and the room of each group up to date; false where there are other groups now. */
function groupsFit(groups) {
  const values = groups.map(({ value }) => value).join("\n");
  if (values !== lists.map((list) => list.within).join("\n")) return false;
  groups.forEach(({ total, said }, index) => {
    const { root } = lists[index];
    root.closest(".row-section").querySelector("[data-sums]").innerHTML = said;
    lists[index].setTotal(total);
  });
  return true;
}

/** Bring the list, with all that chooses what it shows, as an address of it says. */
export function bringList(url = address(host().dataset.page, {})) {
  const swap = { target: "#backlog", select: "#backlog", swap: "outerMorph" };
  const headers = { "HX-Target": "div#backlog" }; // htmx.ajax would name the body
  return window.htmx.ajax("GET", url, { ...swap, headers });
}

export const isGrouped = () => lists.some((list) => list.within !== undefined);

/** Let the columns of a list stand below their names, which may have been scrolled sideways. */
export function placeColumns(list) {
  const names = host().querySelector("[data-heads]");
  if (list && names) list.scrollLeft = names.scrollLeft;
}

function placeLine() {
  host().querySelector(".row-note.fits")?.remove();
  host().querySelectorAll(".fits-surely").forEach((row) => row.classList.remove("fits-surely"));
  if (!line) return;
  if (line.low !== line.high) rowOf(line.low)?.classList.add("fits-surely");
  const row = rowOf(line.high);
  if (!row) return;
  const note = document.createElement("li");
  note.className = "row-note fits";
  note.innerHTML = line.html;
  row.after(note);
}

/** Everything may be different: figures and rows anew, without a jump. */
export async function refresh() {
  const counted = countAnew();
  lists.forEach((list) => list.refresh());
  await Promise.all([counted, ...lists.flatMap((list) => list.parts.map((part) => part.loading))]);
}

/** Show these rows as they are now; those that are gone leave the list. */
export async function refreshRows(refs) {
  // In groups a change may have brought the item into another one.
  if (refs.length === 0 || refs.length > 200 || isGrouped()) return refresh();
  const response = await get(address(host().dataset.rows, { ref: refs }));
  if (response) putRows(await response.text(), refs);
  countAnew();
}

/** What these items hold in a column that may not show, by their refs; null where that can't be
 *  fetched. */
export async function valuesOf(refs, name) {
  const asked = [];
  for (let from = 0; from < refs.length; from += MOST_ROWS) {
    const query = new URLSearchParams(host().dataset.query);
    query.set("cols", name);
    refs.slice(from, from + MOST_ROWS).forEach((ref) => query.append("ref", ref));
    asked.push(get(`${host().dataset.rows}?${query}`));
  }
  const answers = await Promise.all(asked);
  if (answers.includes(null)) return null;
  const drawing = document.createElement("ol");
  drawing.innerHTML = (await Promise.all(answers.map((answer) => answer.text()))).join("");
  const valueIn = (row) => row.querySelector(`[data-cell="${CSS.escape(name)}"]`)?.dataset.value ?? "";
  return new Map([...drawing.children].map((row) => [row.dataset.ref, valueIn(row)]));
}

/** Put rows that the server drew in the place of those that stand there. */
export function putRows(html, refs) {
  const drawing = document.createElement("ol");
  drawing.innerHTML = html;
  drawn(drawing);
  for (const ref of refs) {
    const fresh = drawing.querySelector(`[data-ref="${CSS.escape(ref)}"]`);
    for (const row of rowsOf(ref)) {
      if (row.querySelector(".row-rename")) {
        row.dataset.waits = "yes"; // it is drawn once what is typed there is saved, or given up
        continue;
      }
      if (fresh) swapRow(row, fresh.cloneNode(true));
      else forget(row);
    }
  }
  placeLine();
}

function swapRow(row, fresh) {
  const held = row.contains(document.activeElement) ? document.activeElement : null;
  const { ref } = row.dataset;
  const cell = held?.dataset.cell;
  const list = row.parentElement;
  patch(row, fresh);
  drawn(list);
  if (!held || held.isConnected) return;
  const now = row.isConnected ? row : rowOf(ref);
  const again = cell && now.querySelector(`[data-cell="${CSS.escape(cell)}"]`);
  (again || now.querySelector(".row-link")).focus({ preventScroll: true });
}

/** Only cells that differ are put anew, so that a click under way and the keyboard keep theirs. */
function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const [was, is] = [[...old.children], [...fresh.children]];
  if (!old.matches(".item-row, .row-main, .row-end") || was.length !== is.length) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  was.forEach((child, index) => patch(child, is[index]));
}

function forget(row) {
  const part = parts.get(row.parentElement);
  row.remove();
  if (part) part.count -= 1;
}

// Places -------------------------------------------------------------------------------------

/** The row beside this one, in its list as it shows; fetched where it has not come yet. */
export async function beside(row, step) {
  for (let next = sibling(row, step); next; next = sibling(next, step)) {
    if (next.dataset.ref) return next;
  }
  const part = parts.get(row.parentElement);
  let { list } = part;
  let at = list.parts.indexOf(part) + step;
  let number = lists.indexOf(list);
  for (;;) {
    while (list.parts[at]) {
      await list.parts[at].load();
      const rows = list.parts[at].rows;
      if (rows.length) return step > 0 ? rows[0] : rows.at(-1);
      at += step;
    }
    number += step;
    list = lists[number];
    if (!list) return null;
    at = step > 0 ? 0 : list.parts.length - 1;
  }
}

const sibling = (row, step) => (step > 0 ? row.nextElementSibling : row.previousElementSibling);

export async function firstRow() {
  for (const list of lists) {
    for (const part of list.parts) {
      await part.load();
      if (part.rows.length) return part.rows[0];
    }
  }
  return null;
}

/** The refs from one row to another, whether they have come yet or not. */
export async function refsFrom(a, b) {
  const [one, other] = [parts.get(a.parentElement), parts.get(b.parentElement)];
  if (one.list !== other.list) {
    const shown = [...host().querySelectorAll("[data-list] [data-ref]")];
    const ends = [shown.indexOf(a), shown.indexOf(b)].sort((x, y) => x - y);
    return shown.slice(ends[0], ends[1] + 1).map((row) => row.dataset.ref);
  }
  const [from, to] = [placeOf(a), placeOf(b)].sort((x, y) => x - y);
  return refsAt(one.list, from, to - from + 1);
}

/** The place of a row in its list, from 0. */
export function placeOf(row) {
  const part = parts.get(row.parentElement);
  return part.offset + part.rows.indexOf(row);
}

/** The place of the first row of the part that a height of the page falls into. */
export function firstAt(y) {
  const part = lists[0]?.parts.findLast(({ element }) => element.offsetTop <= y);
  return part?.offset ?? 0;
}

/** The part that holds a place of the whole list. */
export const partAt = (place) => lists[0]?.parts.findLast(({ offset }) => offset <= place);

/** The refs of all rows that match, as many as a deed may take at once. */
export async function allRefs() {
  const found = await Promise.all(lists.map((list) => refsAt(list, 0, list.total)));
  return [...new Set(found.flat())];
}

async function refsAt(list, offset, limit) {
  const within = list.parts.filter(
    (part) => part.offset < offset + limit && part.offset + part.count > offset,
  );
  if (within.length && within.every((part) => part.isLoaded && !part.isStale)) {
    const refs = within.flatMap((part) => part.rows).map((row) => row.dataset.ref);
    return refs.slice(offset - within[0].offset).slice(0, limit);
  }
  const more = { offset, limit, only: "refs" };
  if (list.within !== undefined) more.in = list.within;
  const response = await get(address(host().dataset.rows, more));
  return response ? (await response.json()).refs : [];
}

/** The ref that stands at a place of the whole list, from 1. */
export async function refAt(place) {
  const [found] = await refsAt(lists[0], place - 1, 1);
  return found;
}

/** Let a row stand beside another at once; resolves to what puts it back. */
export function shift(row, other, where) {
  const [from, next] = [row.parentElement, row.nextElementSibling];
  const put = (element, place) => {
    parts.get(row.parentElement).count -= 1;
    element.insertBefore(row, place);
    parts.get(element).count += 1;
  };
  put(other.parentElement, where === "before" ? other : other.nextElementSibling);
  return () => from.isConnected && put(from, next?.parentElement === from ? next : null);
}

/** A drag has carried a row from one part to another already. */
export function carried(from, to) {
  if (from === to || !parts.has(from) || !parts.has(to)) return;
  parts.get(from).count -= 1;
  parts.get(to).count += 1;
}
