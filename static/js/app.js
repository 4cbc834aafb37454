// The shell: menus that close, messages that go, the theme, keys, and what htmx needs to know.
const page = document.documentElement;

// Menus are <details>; a click elsewhere or Escape closes them. ---------------------------------
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held) menu.querySelector("summary").focus();
  }
});

// Low on the page a menu opens upwards; the line that adds items stays in front of what is below.
function openWithinSight(menu) {
  menu.classList.remove("opens-up");
  const panel = menu.open && menu.querySelector(":scope > .menu-panel");
  if (!panel) return;
  const foot = document.querySelector("form.quick-add")?.getBoundingClientRect().top;
  const end = Math.min(window.innerHeight, foot || window.innerHeight);
  const room = menu.getBoundingClientRect().top - panel.offsetHeight;
  if (panel.getBoundingClientRect().bottom > end && room > 0) menu.classList.add("opens-up");
}

document.addEventListener(
  "toggle",
  ({ target }) => target.matches("details.menu") && openWithinSight(target),
  true,
);

// The tab of this page is in sight, however narrow the screen. -----------------------------------
document
  .querySelector(".tabs [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center" });

// Messages: each can be dismissed; good news goes by itself. ------------------------------------
const STAYS_MS = 8000;
const MOST_PASSING = 3;
const toasts = document.getElementById("toasts");

function prepare(notice) {
  if (notice.dataset.ready) return;
  notice.dataset.ready = "yes";
  const button = notice.querySelector("[data-dismiss]");
  if (button) button.hidden = false;
  if (passes(notice)) setTimeout(() => leave(notice), STAYS_MS);
  const passing = [...toasts.querySelectorAll("[data-notice]")].filter(passes);
  passing.slice(0, -MOST_PASSING).forEach((older) => older.remove());
}

const passes = (notice) => notice.matches(".notice-success, .notice-info, .notice-debug");

function leave(notice) {
  if (notice.matches(":hover, :focus-within")) setTimeout(() => leave(notice), STAYS_MS);
  else notice.remove();
}

if (toasts) {
  toasts.querySelectorAll("[data-notice]").forEach(prepare);
  new MutationObserver(() => toasts.querySelectorAll("[data-notice]").forEach(prepare)).observe(
    toasts,
    { childList: true },
  );
}

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-dismiss]")?.closest("[data-notice]")?.remove();
});

/** Show a sentence as a message; `kind` is success, info, warning or error. */
export function say(sentence, kind = "error") {
  if (!toasts) return;
  const notice = document.createElement("div");
  notice.className = `notice notice-${kind}`;
  notice.dataset.notice = "";
  const text = document.createElement("p");
  text.textContent = sentence;
  notice.append(text);
  toasts.append(notice);
}

// The theme: at once here, and kept by the server. ----------------------------------------------
document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("[data-theme-switch]");
  const choice = event.submitter?.value;
  if (!form || !choice) return;
  event.preventDefault();
  page.dataset.themeChoice = choice;
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const kept = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(
    () => null,
  );
  if (!kept) say("The theme could not be kept: the server can't be reached.", "warning");
});

// Keys: an element with data-key="c" or data-key="g b" is pressed, or focused if it is a field. --
const CHORD_MS = 1200;
let chord = "";
let chordTimer = 0;

const isWriting = (target) =>
  target.closest?.("input, textarea, select, [contenteditable], dialog[open]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isWriting(event.target) || event.key.length !== 1) return;
  if (event.key === "?") {
    showKeys();
    return;
  }
  const pressed = chord ? `${chord} ${event.key}` : event.key;
  const target = document.querySelector(`[data-key="${CSS.escape(pressed)}"]`);
  clearTimeout(chordTimer);
  chord = "";
  if (target) {
    event.preventDefault();
    if (target.matches("input, textarea, select")) target.focus();
    else target.click();
  } else if (document.querySelector(`[data-key^="${CSS.escape(pressed)} "]`)) {
    chord = pressed;
    chordTimer = setTimeout(() => (chord = ""), CHORD_MS);
  }
});

/** A dialog that lists the keys of this page. */
function showKeys() {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const head = document.createElement("div");
  head.className = "panel-head";
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keys of this page";
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn btn-sm";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  head.append(title, close);
  const list = document.createElement("dl");
  list.className = "key-list panel-body";
  for (const element of document.querySelectorAll("[data-key]")) {
    list.append(...keyLine(element.dataset.key, nameOf(element)));
  }
  list.append(...keyLine("?", "This list"), ...keyLine("Esc", "Close what is open"));
  dialog.append(head, list);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function keyLine(keys, name) {
  const term = document.createElement("dt");
  for (const key of keys.split(" ")) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap, " ");
  }
  const meaning = document.createElement("dd");
  meaning.textContent = name;
  return [term, meaning];
}

function nameOf(element) {
  const given = element.dataset.keyName || element.getAttribute("aria-label");
  const label = element.labels?.[0]?.textContent;
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, .room-badge").forEach((part) => part.remove());
  return (given || label || copy.textContent).trim().replace(/\s+/g, " ");
}

// htmx: a whole error page never lands inside a list; it becomes a message. ---------------------
const ANSWERS = {
  401: "You have been signed out. Sign in again to go on.",
  403: "You may not do this. Reload the page if you have just signed in again.",
  404: "This is not there any more. Reload the page to see what is.",
  413: "This is too large for this installation.",
  429: "That was a lot at once. Wait a moment and try again.",
};

document.addEventListener("htmx:before:response", (event) => {
  const { response } = event.detail.ctx;
  const landed = new URL(response.raw.url);
  if (response.raw.redirected && landed.pathname === document.body.dataset.signIn) {
    event.preventDefault();
    if (landed.searchParams.has("unsaved")) location.assign(landed);
    else location.reload(); // the page itself leads to the sign-in and back
    return;
  }
  if (response.status < 400 || response.headers.get("HX-Retarget")) return;
  const isAnswered = response.status === 422 || response.status === 409;
  if (isAnswered) return;
  event.preventDefault();
  say(ANSWERS[response.status] || "The server could not do this. Try again in a moment.");
});

document.addEventListener("htmx:error", () => {
  say("The server can't be reached. Check your connection and try again.");
});
