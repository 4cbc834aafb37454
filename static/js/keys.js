// Keys: an element with data-key="c" or data-key="g b" is pressed, or focused if it is a field.
// Scripts that handle keys themselves come first, and name theirs in an element with data-key-list.
import { heldKeys, nameOf, pressedBy, use } from "./commands.js";

const CHORD_MS = 1200;
let chord = "";
let chordTimer = 0;

const WRITING =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]";

/** Whether keys belong to what has the focus: to a field, or to a dialog that is open. */
export const isWriting = (target) =>
  Boolean(target.closest?.(WRITING)) ||
  document.querySelector("dialog:modal") !== null;

/** Whether the next key ends a chord, as b does after g. */
export const isInChord = () => chord !== "";

// On the window, so that whatever listens on the document has had its say.
window.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isWriting(event.target) || event.key.length !== 1) return;
  const pressed = chord ? `${chord} ${event.key}` : event.key;
  clearTimeout(chordTimer);
  chord = "";
  if (pressed === "?") {
    event.preventDefault();
    showKeys();
    return;
  }
  const target = pressedBy(pressed);
  if (target) {
    event.preventDefault();
    use(target);
  } else if (document.querySelector(`[data-key^="${CSS.escape(pressed)} "]`)) {
    chord = pressed;
    chordTimer = setTimeout(() => (chord = ""), CHORD_MS);
  }
});

for (const button of document.querySelectorAll("[data-show-keys]")) {
  button.hidden = false;
  button.addEventListener("click", showKeys);
}

/** A dialog that lists the keys of this page. */
function showKeys() {
  if (document.querySelector("dialog:modal")) return;
  const dialog = made("dialog", "dialog keys-sheet");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const head = made("div", "panel-head");
  const title = made("h2", "", "Keys");
  title.id = "keys-title";
  const close = made("button", "btn btn-sm", "Close");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  head.append(title, close);
  const body = made("div", "keys-body");
  body.tabIndex = 0; // it scrolls on small screens
  body.setAttribute("role", "group");
  body.setAttribute("aria-labelledby", "keys-title");
  body.append(...groups().map(groupOf));
  dialog.append(head, body);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** What the sheet lists: [title, [[keys, name], …]] of the shell, of the page, of each list. */
function groups() {
  const everywhere = [];
  const here = [];
  for (const [keys, element] of heldKeys()) {
    (element.closest("main, #panel") ? here : everywhere).push([keys, nameOf(element)]);
  }
  everywhere.sort(([one], [other]) => one.includes(" ") - other.includes(" ")); // chords last
  const palette = document.querySelector("[data-palette]");
  if (palette) everywhere.unshift([`${palette.dataset.modifier} K`, "Search and commands"]);
  everywhere.push(["?", "This list of keys"], ["Esc", "Close what is open"]);
  const lists = [...document.querySelectorAll("[data-key-list]")].map((list) => [
    list.dataset.keyList,
    [...list.querySelectorAll("[data-keys]")].map((line) => [
      line.dataset.keys,
      line.textContent.trim(),
    ]),
  ]);
  const merged = new Map(); // a page and its panel may both name the same list
  for (const [title, lines] of [["Everywhere", everywhere], ["This page", here], ...lists]) {
    if (lines.length) merged.set(title, [...(merged.get(title) ?? []), ...lines]);
  }
  return [...merged];
}

function groupOf([title, lines]) {
  const group = made("section", "keys-group");
  const list = made("dl", "key-list");
  for (const [keys, name] of lines) {
    const term = made("dt");
    for (const key of keys.split(" ")) term.append(made("kbd", "", key), " ");
    list.append(term, made("dd", "", name));
  }
  group.append(made("h3", "", title), list);
  return group;
}

function made(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
