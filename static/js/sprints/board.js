// The board of a sprint: what keys, clicks and news do.
import { say } from "../app.js";
import { choose, isOpen as editorIsOpen, type } from "../backlog/editor.js";
import { assignMe, edit } from "../backlog/edits.js";
import { browse, closeItem, isOpen as panelIsOpen, openItem } from "../backlog/panel.js";
import { deed, get } from "../backlog/send.js";
import { serve } from "../backlog/surface.js";
import {
  addMenus, cardOf, cursorCard, frame, goTo, host, mayCarry, mayMove, refresh, rowOf, step, stepAside, targets,
  watchFilter, whenDrawn,
} from "./board-cards.js";
import { armAll, aside, carry, moveMenu, nudge, statusMenu, toColumn, toEnd } from "./board-moves.js";

serve({
  host,
  rowOf,
  targets,
  step,
  goBack: () => goTo(cursorCard()),
  put: refresh,
  refresh,
  bring: refresh,
});
function dress() {
  addMenus();
  armAll();
}
whenDrawn(dress);
watchFilter();
dress();

document.addEventListener("items:changed", () => refresh());

/** People and labels come when they are needed first. */
async function withChoices(todo) {
  const holder = document.getElementById("pickers");
  if (!holder.textContent) {
    const response = await get(host().dataset.choices);
    if (!response) return say("The server can't be reached. Try again in a moment.");
    holder.textContent = await response.text();
  }
  return todo();
}

const FROM_SERVER = new Set(["assignee", "label"]);

function change(name, ref, at) {
  if (FROM_SERVER.has(name)) withChoices(() => edit(name, [ref], at));
  else edit(name, [ref], at);
}

function addTask(at, ref) {
  if (!mayMove()) return;
  if (cardOf(ref)?.dataset.kind === "task") {
    say("A task has no tasks; add it under its item.", "info");
    return;
  }
  type(at, `A task of ${ref}`, { type: "text", maxLength: 250, placeholder: "What is to be done" }, {
    save: async (title) => {
      const answer = await deed(host().dataset.task, { parent: ref, title });
      if (!answer) return;
      await refresh();
      const tasks = cardOf(ref)?.querySelector(".card-tasks");
      if (tasks) tasks.open = true;
    },
  });
}

function finish(ref) {
  const last = frame().columns.find(({ isDone }) => isDone);
  if (last) toColumn(ref, last.value);
}

/** All that can be done with a card. */
function menu(at, ref) {
  const isTask = cardOf(ref)?.dataset.kind === "task";
  const options = [
    { value: "open", label: "Open", key: "Enter" },
    { value: "status", label: "Move to status…", key: "s" },
    { value: "top", label: "Top of the column" },
    { value: "bottom", label: "Bottom of the column" },
    mayCarry() && { value: "carry", label: "Back to the backlog" },
    mayCarry() && frame().sprints.length > 0 && { value: "move", label: "To another sprint…", key: "m" },
    { value: "assignee", label: "Assign…", key: "a" },
    { value: "me", label: "Assign to me", key: "i" },
    !isTask && { value: "points", label: "Estimate…", key: "e" },
    { value: "label", label: "Labels…" },
    { value: "blocked_reason", label: "Blocked because…" },
    !isTask && { value: "task", label: "Add a task…", key: "t" },
  ].filter(Boolean);
  choose(at, ref, options, {
    pick: ({ value }) => {
      if (value === "open") openItem(ref);
      else if (value === "status") statusMenu(at, ref);
      else if (value === "top" || value === "bottom") toEnd(ref, value);
      else if (value === "carry") carry(ref, "backlog");
      else if (value === "move") moveMenu(at, ref);
      else if (value === "me") withChoices(() => assignMe([ref]));
      else if (value === "task") addTask(at, ref);
      else change(value, ref, at);
    },
  });
}

// Clicks ---------------------------------------------------------------------------------------
document.addEventListener("click", (event) => {
  const { target } = event;
  if (!target.closest?.("#board")) return;
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = target.closest("[data-open]");
  const card = target.closest(".card-item");
  const at = target.closest("a, button, [data-cell]");
  if (link) {
    event.preventDefault();
    if (card) goTo(card, { focus: false });
    openItem(link.dataset.open);
    return;
  }
  if (!card || !at) return;
  const { ref } = card.dataset;
  goTo(card, { focus: false });
  if (at.matches(".row-link")) {
    event.preventDefault();
    openItem(ref);
  } else if (!mayMove()) {
    return;
  } else if (at.matches("[data-card-menu]")) {
    event.preventDefault();
    menu(at, ref);
  } else if (at.matches("[data-cell]")) {
    change(at.dataset.cell, ref, at);
  } else if (at.matches("[data-task-status]")) {
    statusMenu(at, at.closest("[data-ref]").dataset.ref);
  } else if (at.matches("[data-add-task]")) {
    addTask(at, ref);
  } else if (at.matches("[data-finish]")) {
    finish(ref);
  }
});

// A *recovered?* item is confirmed without leaving the board.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("#board [data-confirm-done]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.getAttribute("aria-disabled") === "true") return; // on its way
  button.setAttribute("aria-disabled", "true");
  goTo(form.closest(".card-item"));
  await deed(form.action, {});
  button.removeAttribute("aria-disabled");
  await refresh(); // whatever was refused, it is shown as it is now
});

// Keys: never inside a field, and those of the panel's own fields first. -----------------------
const WRITING =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]";
let chordUntil = 0; // after `g` the next key names a room

function act(event) {
  const { key } = event;
  if (event.timeStamp < chordUntil) {
    chordUntil = 0;
    return null;
  }
  const bare = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (key === "g" && bare) {
    chordUntil = event.timeStamp + 1200;
    return null;
  }
  if (event.altKey && !event.ctrlKey && !event.metaKey && cursorCard() && !panelIsOpen()) {
    const ways = { ArrowUp: [nudge, -1], ArrowDown: [nudge, 1], ArrowLeft: [aside, -1],
      ArrowRight: [aside, 1] };
    return key in ways && mayMove() ? () => ways[key][0](ways[key][1]) : null;
  }
  if (!bare) return null;
  if (panelIsOpen()) return key === "j" || key === "k" ? () => browse(key === "j" ? 1 : -1) : null;
  const walks = { j: [step, 1], ArrowDown: [step, 1], k: [step, -1], ArrowUp: [step, -1],
    h: [stepAside, -1], ArrowLeft: [stepAside, -1], l: [stepAside, 1], ArrowRight: [stepAside, 1] };
  if (key in walks) return () => walks[key][0](walks[key][1]);
  const card = cursorCard();
  if (!card) return null;
  const { ref } = card.dataset;
  if (key === "Enter" && document.activeElement === document.body) return () => openItem(ref);
  if (!mayMove()) return null;
  const deeds = {
    s: () => statusMenu(card, ref),
    m: () => moveMenu(card, ref),
    a: () => change("assignee", ref, card.querySelector("[data-cell=assignee]")),
    i: () => withChoices(() => assignMe([ref])),
    e: () => card.dataset.kind !== "task" && change("points", ref),
    t: () => addTask(card, ref),
    ".": () => menu(card.querySelector("[data-card-menu]"), ref),
  };
  return deeds[key] || null;
}

document.addEventListener(
  "keydown",
  (event) => {
    if (event.isComposing || event.defaultPrevented || editorIsOpen()) return;
    if (event.key === "Escape") {
      if (document.querySelector("dialog[open], details.menu[open]")) return;
      const inPanel = document.getElementById("panel").contains(event.target);
      if (event.target.closest?.(WRITING) && !inPanel) {
        event.preventDefault(); // a search field would else forget its words
        event.target.blur();
      } else if (closeItem()) {
        event.preventDefault();
      }
      return;
    }
    if (event.target.closest?.(WRITING)) return;
    const arrows = event.key.startsWith("Arrow");
    if (arrows && event.target.closest?.("details.menu, #panel, .tabs")) return;
    const todo = act(event);
    if (!todo) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the shell's keys come after
    todo();
  },
  true,
);

// What others did meanwhile shows when one comes back to the page.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !editorIsOpen()) refresh();
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) refresh(); // back from another page: what it did shows
});
