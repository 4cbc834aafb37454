// The backlog page: what keys, clicks and news do.
import { choose, isOpen as editorIsOpen } from "./editor.js";
import { assignMe, edit, editUnseen, mayEdit, pickers, rename } from "./edits.js";
import {
  bringList, countAnew, firstRow, host, isGrouped, makeRoom, placeColumns, putRows, refresh, refreshRows,
  rowOf, steadily, takeUp, valuesOf, whenDrawn,
} from "./list.js";
import { keepPlace } from "./place.js";
import { armWithin, mayDrag, mayMove, nudge, placeMenu, toEnd } from "./moves.js";
import { browse, closeItem, isOpen as panelIsOpen, openItem } from "./panel.js";
import {
  clear, cursorRow, draw, goTo, neighbours, selectAll, selected, step, targets, toggle,
} from "./selection.js";
import { deed } from "./send.js";
import { serve } from "./surface.js";

serve({
  host,
  rowOf,
  targets,
  step,
  goBack: () => goTo(cursorRow()),
  put(answer, refs) {
    putRows(answer.rows, refs.slice(0, 200));
    if (refs.length > 200 || isGrouped()) refresh();
    else countAnew();
  },
  refresh: refreshRows,
  values: valuesOf,
  bring: bringList,
});

whenDrawn((within) => {
  draw(within);
  armWithin(within);
});
keepPlace(takeUp());

// A filter, a group or a search has brought another list.
document.addEventListener("htmx:before:swap", ({ detail }) => {
  if (detail.ctx?.target?.id === "backlog") makeRoom();
});
document.addEventListener("htmx:after:swap", ({ detail }) => {
  const { target, response } = detail.ctx ?? {};
  if (target?.id === "backlog") takeUp();
  else armWithin(host());
  if (target?.id === "quick-add" && response?.status < 400) {
    document.getElementById("quick-add").reset(); // a morph keeps what was typed
  }
});

// After a taking the keyboard goes on at the same button of the next filed item.
let takenBeside = null;

document.addEventListener("submit", ({ target, submitter }) => {
  if (target.id !== "takes") return;
  const row = submitter?.closest("[data-ref]");
  const beside = [row?.nextElementSibling, row?.previousElementSibling];
  takenBeside = beside
    .filter((other) => other?.dataset.ref)
    .map(({ dataset }) => `[form="takes"][name="${submitter.name}"][value="${dataset.ref}"]`);
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  if (detail.ctx?.target?.id !== "filed" || !takenBeside) return;
  const button = takenBeside.map((selector) => document.querySelector(selector)).find(Boolean);
  takenBeside = null;
  if (button) button.focus();
  else firstRow().then((row) => goTo(row));
});

document.addEventListener("items:changed", ({ detail }) => {
  const isMore = detail.moved || !detail.refs?.length;
  const bring = () => (isMore ? refresh() : refreshRows(detail.refs));
  if (detail.by === "live") steadily(bring);
  else bring();
});

async function remove(refs = targets()) {
  if (!mayEdit() || refs.length === 0) return;
  const rows = refs.map(rowOf).filter(Boolean);
  const beyond = rows.length ? neighbours(rows[0], refs) : [];
  rows.forEach((row) => (row.hidden = true));
  const answer = await deed(host().dataset.delete, { refs });
  if (!answer) {
    rows.forEach((row) => (row.hidden = false));
    return;
  }
  clear();
  closeItem();
  await refresh();
  goTo(beyond.map(rowOf).find(Boolean) ?? cursorRow());
}

/** All that can be done with these items. */
function menu(at, refs = targets()) {
  if (refs.length === 0) return;
  const [ref] = refs;
  const single = refs.length === 1;
  const options = [
    single && { value: "open", label: "Open", key: "Enter" },
    single && { value: "title", label: "Rename", key: "r" },
    { value: "status", label: "Status…", key: "s" },
    { value: "assignee", label: "Assign…", key: "a" },
    { value: "label", label: "Labels…", key: "l" },
    { value: "points", label: "Estimate…", key: "e" },
    { value: "kind", label: "Kind…" },
    { value: "parent", label: "Parent…" },
    { value: "due_date", label: "Due…" },
    { value: "gpu_hours", label: "GPU-hours…" },
    { value: "blocked_reason", label: "Blocked because…" },
    ...Object.entries(pickers().fields).map(([value, { label }]) => ({ value, label: `${label}…` })),
    mayMove() && { value: "top", label: "Move to the top" },
    mayMove() && { value: "bottom", label: "Move to the bottom" },
    mayDrag() && { value: "move", label: "Move…", key: "m" },
    single && { value: "transfer", label: "To another product…" },
    { value: "delete", label: "Into the trash", key: "#" },
  ].filter(Boolean);
  choose(at, single ? ref : `${refs.length} items`, options, {
    pick: ({ value }) => {
      if (value === "open") openItem(ref);
      else if (value === "top" || value === "bottom") toEnd(value, refs);
      else if (value === "move") placeMenu(at, refs);
      else if (value === "delete") remove(refs);
      else if (value === "transfer") location.assign(`${host().dataset.items}${ref}/transfer/`);
      else if (value === "due_date" || value === "gpu_hours" || value.startsWith("fields.")) {
        editUnseen(value, refs, at);
      } else edit(value, refs, at);
    },
  });
}

// Clicks ---------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("#backlog [data-list] [data-ref]");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!row || !plain) return;
  const cell = event.target.closest("[data-cell]");
  const more = event.target.closest("[data-row-menu]");
  const { ref } = row.dataset;
  const refs = selected().includes(ref) ? selected() : [ref];
  if (cell) {
    goTo(row, { focus: false });
    edit(cell.dataset.cell, refs, cell);
  } else if (more) {
    event.preventDefault();
    goTo(row, { focus: false });
    menu(more, refs);
  } else if (event.target.closest(".row-link, .row-spare")) {
    event.preventDefault();
    goTo(row, { focus: false });
    openItem(ref);
  }
});

document.addEventListener("dblclick", (event) => {
  const title = event.target.closest?.("#backlog .row-title");
  if (!title || !mayEdit()) return;
  closeItem();
  rename(title.closest("[data-ref]").dataset.ref);
});

document.getElementById("selection")?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const what = button.dataset.do;
  if (what === "none") clear();
  else if (what === "delete") remove(selected());
  else if (what === "move") placeMenu(button, selected());
  else if (what === "more") menu(button, selected());
  else edit(what, selected(), button);
});

// Keys: never inside a field, and those of the panel's own fields first. -----------------------
const WRITING =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]";
const FIELDS = { s: "status", a: "assignee", l: "label", e: "points" };

let chordUntil = 0; // after `g` the next key names a room

function act(event) {
  const { key } = event;
  if (event.timeStamp < chordUntil) {
    chordUntil = 0;
    return null;
  }
  if (key === "g" && !event.ctrlKey && !event.metaKey && !event.altKey) {
    chordUntil = event.timeStamp + 1200;
    return null;
  }
  const up = key === "k" || key === "ArrowUp";
  const down = key === "j" || key === "ArrowDown";
  const letter = key.toLowerCase();
  if (event.altKey) {
    if (key === "ArrowUp" || key === "ArrowDown") return () => nudge(key === "ArrowUp" ? -1 : 1);
    return null;
  }
  if (event.ctrlKey || event.metaKey) return letter === "a" && mayEdit() ? selectAll : null;
  if (event.shiftKey && ["j", "k", "arrowdown", "arrowup"].includes(letter)) {
    const by = letter === "j" || letter === "arrowdown" ? 1 : -1;
    return mayEdit() ? () => step(by, { extend: true }) : null;
  }
  if (panelIsOpen()) return key === "j" || key === "k" ? () => browse(down ? 1 : -1) : null;
  if (down || up) return () => step(down ? 1 : -1);
  if (key === "Home" || key === "End") return null;
  if (!targets().length) return null;
  if (key === "Enter" && document.activeElement === document.body && cursorRow()) {
    return () => openItem(cursorRow().dataset.ref);
  }
  if (!mayEdit()) return null;
  if (key === "x" && cursorRow()) return () => toggle(cursorRow().dataset.ref);
  if (key in FIELDS) return () => edit(FIELDS[key]);
  const at = () => cursorRow()?.querySelector(".row-more") || document.getElementById("selection");
  const others = {
    i: () => assignMe(),
    m: () => placeMenu(at()),
    r: () => cursorRow() && rename(cursorRow().dataset.ref),
    F2: () => cursorRow() && rename(cursorRow().dataset.ref),
    ".": () => menu(at()),
    "#": () => remove(),
    Delete: () => remove(),
  };
  return others[key] || null;
}

document.addEventListener(
  "keydown",
  (event) => {
    if (event.isComposing || event.defaultPrevented || editorIsOpen()) return;
    if (event.key === "Escape") {
      if (document.querySelector("dialog[open], details.menu[open]")) return;
      if (event.target.matches?.(".row-rename")) return; // it gives the old title back
      if (event.target.closest?.(WRITING) && !document.getElementById("panel").contains(event.target)) {
        event.preventDefault(); // a search field would else forget its words
        event.target.blur();
        return;
      }
      if (closeItem() || clear()) event.preventDefault();
      return;
    }
    if (event.target.id === "q" && ["ArrowDown", "Enter"].includes(event.key)) {
      event.preventDefault();
      firstRow().then((row) => goTo(row));
      return;
    }
    if (event.target.closest?.(WRITING)) return;
    if (event.target.closest?.("[data-own-keys]") && !panelIsOpen()) return; // a list beside this one
    if (["ArrowUp", "ArrowDown"].includes(event.key) && event.target.closest?.("details.menu, #panel")) {
      return;
    }
    const todo = act(event);
    if (!todo) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the shell's keys come after
    todo();
  },
  true,
);

// Columns and their names are scrolled as one.
document.addEventListener(
  "scroll",
  ({ target }) => {
    if (!target.matches?.("#backlog :is(.row-list, [data-heads])")) return;
    const alike = host().querySelectorAll("[data-heads], .row-list");
    alike.forEach((one) => (one.scrollLeft = target.scrollLeft));
  },
  { capture: true, passive: true },
);
document.addEventListener(
  "toggle",
  ({ target }) => target.querySelectorAll?.("#backlog .row-list").forEach(placeColumns),
  true,
);

window.addEventListener("pageshow", (event) => {
  if (event.persisted) refresh(); // back from another page: what it did shows
});

