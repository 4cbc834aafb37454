// The command palette: Ctrl-K (⌘K on a Mac), or the search of the topbar. Items and rooms come from
// the server as the links that its search page shows too; commands are those of this page.
import { commands, nameOf, use } from "./commands.js";

const WAIT_MS = 120;
const MOST_COMMANDS = 5; // while something is asked for
const isMac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform || navigator.platform);

const opener = document.querySelector("[data-palette]");
const dialog = document.getElementById("palette");
const input = dialog?.querySelector("[role=combobox]");
const list = dialog?.querySelector("[role=listbox]");
const note = dialog?.querySelector("[role=status]");

let found = []; // groups of options, as the server found them
let active = null;
let asking = null; // the request or the pause before it
let opensNext = false; // Enter was pressed before the answer was there
let chosen = false; // somebody has stepped to the active option
let failed = false;

// Opening and closing ------------------------------------------------------------------------
function open() {
  if (document.querySelector("dialog:modal")) return;
  dialog.showModal();
  input.select();
  ask(0);
}

function isCalled(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return false;
  const isLatin = /^[a-z]$/i.test(event.key);
  return isLatin ? event.key.toLowerCase() === "k" : event.code === "KeyK";
}

function arm() {
  const modifier = isMac ? "⌘" : "Ctrl";
  opener.dataset.modifier = modifier;
  opener.querySelector("kbd").textContent = `${modifier} K`;
  opener.setAttribute("aria-haspopup", "dialog");
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab, as of any link
    event.preventDefault();
    open();
  });
  window.addEventListener("keydown", (event) => {
    if (!isCalled(event)) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", forget);
  input.addEventListener("input", () => ask(WAIT_MS));
  input.addEventListener("keydown", steer);
  list.addEventListener("mousemove", ({ target }) => {
    const option = target.closest("[role=option]");
    if (!option || option === active) return;
    chosen = true;
    activate(option, false);
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", ({ target }) => run(target.closest("[data-runs]")));
}

function forget() {
  stopAsking();
  input.value = "";
  opensNext = false;
}

// Asking the server --------------------------------------------------------------------------
function stopAsking() {
  clearTimeout(asking?.pause);
  asking?.abort.abort();
  asking = null;
}

function ask(wait) {
  stopAsking();
  opensNext = chosen = false;
  const now = { abort: new AbortController() };
  asking = now;
  now.pause = setTimeout(() => fetchFound(now), wait);
  show();
}

async function fetchFound(now) {
  const address = new URL(dialog.dataset.found, location);
  address.search = new URLSearchParams({ q: input.value, product: dialog.dataset.product });
  try {
    const answer = await fetch(address, {
      headers: { "HX-Request": "true" },
      signal: now.abort.signal,
    });
    if (answer.redirected) location.reload(); // signed out: the page leads to the sign-in and back
    if (!answer.ok) throw new Error(answer.status);
    found = groupsIn(await answer.text());
    failed = false;
  } catch (error) {
    if (error.name === "AbortError") return;
    found = [];
    failed = true;
  }
  if (asking !== now) return;
  asking = null;
  show();
  if (opensNext) active?.click();
}

/** The sections of the answer as groups of options. */
function groupsIn(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return [...holder.content.querySelectorAll("[data-group]")].map((section) => {
    section.setAttribute("role", "group");
    for (const plain of section.querySelectorAll("h2, ul, li")) plain.setAttribute("role", "presentation");
    for (const link of section.querySelectorAll("a")) {
      link.setAttribute("role", "option");
      link.tabIndex = -1;
    }
    return section;
  });
}

// Commands of this page ----------------------------------------------------------------------
function fits(words, name) {
  const parts = name.toLowerCase().split(/[\s:,.–-]+/);
  return words.every((word) => parts.some((part) => part.startsWith(word)));
}

function commandGroup() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const fitting = commands()
    .map((element) => [nameOf(element), element])
    .filter(([name]) => fits(words, name));
  if (!fitting.length) return null;
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Commands");
  const title = document.createElement("div");
  title.className = "menu-title";
  title.textContent = "Commands";
  title.setAttribute("role", "presentation");
  group.append(title);
  const shown = words.length ? fitting.slice(0, MOST_COMMANDS) : fitting;
  group.append(...shown.map(([name, element]) => commandOption(name, element)));
  return group;
}

const runs = new WeakMap();

function commandOption(name, element) {
  const option = document.createElement("div");
  option.setAttribute("role", "option");
  option.className = "found-row";
  option.dataset.runs = name;
  const drawn = element.querySelector(".icon") || dialog.querySelector("[data-any-icon] .icon");
  const picture = drawn.cloneNode(true);
  picture.classList.remove("only-narrow");
  const words = document.createElement("span");
  words.className = "row-title";
  words.textContent = name;
  option.append(picture, words);
  for (const key of element.dataset.key?.split(" ") ?? []) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    option.append(cap);
  }
  runs.set(option, element);
  return option;
}

function run(option) {
  if (!option) return;
  dialog.close(); // first, so that a field can take the focus
  use(runs.get(option));
}

// The list -----------------------------------------------------------------------------------
const nameOfOption = (option) => option?.dataset.runs || option?.href;

function show() {
  const own = commandGroup();
  const groups = input.value.trim() ? [own, ...found] : [...found, own];
  const before = chosen && nameOfOption(active);
  list.replaceChildren(...groups.filter(Boolean));
  list.setAttribute("aria-busy", String(asking !== null));
  const options = [...list.querySelectorAll("[role=option]")];
  options.forEach((option, place) => (option.id = `palette-option-${place}`));
  list.hidden = !options.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
  note.textContent = remark(options);
  note.hidden = !note.textContent;
  activate(options.find((option) => nameOfOption(option) === before) || options[0]);
}

function remark(options) {
  if (failed) return "The server can't be reached; only commands of this page are listed.";
  return asking || options.length ? "" : "No item holds these words, and nothing is called so.";
}

function activate(option, scrolls = true) {
  active?.setAttribute("aria-selected", "false");
  active = option;
  if (!option) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", option.id);
  if (scrolls) option.scrollIntoView({ block: "nearest" });
}

function steer(event) {
  if (event.isComposing) return;
  const options = [...list.querySelectorAll("[role=option]")];
  const place = options.indexOf(active);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
  if (event.key in steps && options.length) {
    event.preventDefault();
    const wanted = place + steps[event.key];
    const isStep = Math.abs(steps[event.key]) === 1;
    const last = options.length - 1;
    const around = isStep ? (wanted + options.length) % options.length : wanted;
    chosen = true;
    activate(options[Math.max(0, Math.min(last, around))]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(event);
  }
}

function choose(event) {
  // What is listed from the server may still answer the words before these.
  if (asking && !active?.dataset.runs) opensNext = true;
  else if (active?.href && (event.ctrlKey || event.metaKey)) window.open(active.href, "_blank");
  else active?.click();
}

if (dialog && opener) arm();
