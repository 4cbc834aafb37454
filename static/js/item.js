// One item, on its page or in the panel beside the backlog: what opens where it stands, what is
// picked and saved on closing, and what others are told of. All by delegation, for the item comes
// and goes.
import { withdrawUndo } from "./app.js"; // with names first, see there
import "./item-draft.js";
import "./item-files.js";
import "./item-mentions.js";

const item = () => document.getElementById("item");
const within = (target) => target?.closest?.("#item") ?? null;

// Editing in place: a click on the text opens its form, Escape or Cancel closes it. ----------------
function editable() {
  for (const editor of document.querySelectorAll("#item details[data-edit]")) {
    const place = editor.closest(".in-place");
    if (place?.querySelector(":scope > [data-shown]")) place.dataset.editable = "";
    editor.querySelectorAll("[data-cancel], [data-preview]").forEach((one) => (one.hidden = false));
  }
  document.querySelectorAll("#item [data-narrows]").forEach((one) => (one.hidden = false));
}

document.addEventListener("click", ({ target }) => {
  if (!within(target)) return;
  const cancel = target.closest("[data-cancel]");
  if (cancel) {
    cancel.form.dispatchEvent(new CustomEvent("draft:drop", { bubbles: true }));
    close(cancel.closest("details"));
    return;
  }
  const shown = target.closest("[data-editable] > [data-shown]");
  if (!shown || target.closest("a, button, input, summary") || String(getSelection())) return;
  shown.parentElement.querySelector(":scope > details[data-edit]").open = true;
});

function close(editor) {
  editor.open = false;
  editor.querySelector("summary").focus();
}

// Escape closes what is open in the item before it closes the panel around it.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    if (!within(event.target)) return;
    const open = event.target.closest("details:is([data-edit], .menu)[open]");
    if (!open) return;
    event.preventDefault();
    event.stopPropagation();
    close(open); // what was typed stays a draft, what was ticked is saved
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  if (!within(target) || !target.matches("textarea")) return;
  event.preventDefault();
  target.form.requestSubmit(target.form.querySelector("[type=submit]"));
});

const FIRST = "input:not([type=hidden], [hidden]), textarea, select, button";

document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!within(target) || !target.matches("details[data-edit], details[data-picker]")) return;
    if (target.open) {
      if (target.contains(document.activeElement) && document.activeElement.form) return;
      const first = target.querySelector("form")?.querySelector(FIRST);
      first?.focus();
      if (first?.matches("[type=text], input:not([type])")) first.select?.();
    } else if (target.matches("[data-picker]")) saveIfPicked(target.querySelector("form"));
  },
  true,
);

// Pickers: what was ticked is saved on closing too. ------------------------------------------------
function isTouched(form) {
  return [...form.elements].some((one) =>
    one.matches("[type=checkbox]") ? one.checked !== one.defaultChecked : one.name === "new_labels" && one.value.trim(),
  );
}

function saveIfPicked(form) {
  if (form && !form.classList.contains("htmx-request") && isTouched(form)) form.requestSubmit();
}

// A picker narrows to what is typed; Enter ticks the only one that is left, or makes a label.
document.addEventListener("input", ({ target }) => {
  if (!within(target) || !target.matches("[data-narrows]")) return;
  const wanted = target.value.trim().toLowerCase();
  for (const choice of target.form.querySelectorAll(".choices > .check")) {
    choice.hidden = !choice.textContent.toLowerCase().includes(wanted);
  }
});

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key !== "Enter" || !within(target) || !target.matches("[data-narrows]")) return;
  const wanted = target.value.trim().toLowerCase();
  if (!wanted) return;
  const left = [...target.form.querySelectorAll(".choices > .check")].filter((one) => !one.hidden);
  const exact = left.find((one) => one.textContent.trim().toLowerCase() === wanted);
  const meant = exact ?? (target.name === "new_labels" ? null : left.length === 1 && left[0]);
  if (target.name !== "new_labels") event.preventDefault();
  if (!meant) return;
  event.preventDefault();
  const box = meant.querySelector("[type=checkbox]");
  box.checked = !box.checked;
  target.value = "";
  target.dispatchEvent(new Event("input", { bubbles: true }));
});

// A box that saves by itself.
document.addEventListener("change", ({ target }) => {
  if (within(target) && target.matches("[type=checkbox][data-saves]")) target.form.requestSubmit();
});

// htmx: what goes out and what comes back. ---------------------------------------------------------
const isDeed = (ctx) => ctx.request?.method === "POST" && within(ctx.sourceElement);

// Two quick changes of one field by the same hands are no conflict: the second goes out with the
// version that the first brought back.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (!isDeed(ctx)) return;
  withdrawUndo(); // of the deed before; a tick of a criterion says nothing, and would be undone
  if (!ctx.request.body?.has?.("version")) return;
  const version = ctx.sourceElement.elements?.version?.value;
  if (version) ctx.request.body.set("version", version);
});

const nameOf = (editor) => editor?.querySelector("form[data-draft]")?.dataset.draft;
let opened = []; // editors in which somebody is busy while another field is saved
let left = ""; // the editor that was saved, and the place where it stood

// A field that goes away with the focus in it counts as left; it must not send what the server has
// just refused, with a version that would let it pass.
let isSwapping = false;

document.addEventListener(
  "submit",
  (event) => {
    const isLeft = !event.target.contains(document.activeElement); // else somebody pressed Enter in it
    if (!isSwapping || !isLeft || !within(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

document.addEventListener("htmx:finally:swap", () => (isSwapping = false));

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.id !== "item") return;
  isSwapping = true;
  const sender = ctx.sourceElement;
  opened = [...document.querySelectorAll("#item details[data-edit][open]")]
    .filter((editor) => !editor.contains(sender))
    .map(nameOf);
  const editor = sender?.closest?.("details[data-edit], details[data-picker]");
  left = editor?.contains(document.activeElement) ? whereOf(editor) : "";
});

/** How the summary of an editor is found again: by its place among those of the item. */
function whereOf(editor) {
  return [...document.querySelectorAll("#item details")].indexOf(editor);
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  editable(); // the panel may have brought it
  if (ctx.target?.id !== "item") return;
  isSwapping = false;
  const isFine = ctx.response?.status < 400;
  settle(isFine ? ctx.sourceElement : null);
  for (const editor of document.querySelectorAll("#item details[data-edit]")) {
    if (opened.includes(nameOf(editor))) editor.open = true;
  }
  document.dispatchEvent(new CustomEvent("item:shown", { detail: { ok: isFine } }));
  if (isFine) goOn();
  retitle();
  if (isDeed(ctx) && ctx.response.status < 400) {
    const refs = [item().dataset.ref];
    document.dispatchEvent(new CustomEvent("items:changed", { detail: { refs, moved: false, by: "item" } }));
  }
});

/** The keyboard goes on at the pencil of what was just saved. */
function goOn() {
  const editor = document.querySelectorAll("#item details")[left];
  const isLost = document.activeElement === document.body || editor?.contains(document.activeElement);
  if (left !== "" && isLost) editor?.querySelector(":scope > summary").focus();
  left = "";
}

// What the server says holds: controls that nobody is busy with show it, whatever they showed.
function settle(sender) {
  for (const form of document.querySelectorAll("#item form")) {
    const isWriting = document.activeElement.matches("textarea, input:not([type=checkbox])");
    if (form === sender || !isWriting || !form.contains(document.activeElement)) form.reset();
  }
  document.querySelectorAll("#item .choices > .check[hidden]").forEach((one) => (one.hidden = false));
}

function retitle() {
  const shown = item();
  if (!shown?.closest("[data-item-page]")) return;
  const [, ...rest] = document.title.split(" · ");
  const title = document.getElementById("item-heading").textContent;
  document.title = [`${shown.dataset.ref} ${title}`, ...rest].join(" · ");
}

// On its own page the item follows what is done elsewhere, such as an undo.
document.addEventListener("items:changed", ({ detail }) => {
  const shown = item();
  if (detail.by === "live") return;
  if (detail.by === "item" || !shown?.closest("[data-item-page]")) return;
  if (detail.refs.length && !detail.refs.includes(shown.dataset.ref)) return;
  window.htmx.ajax("GET", location.pathname + location.search, { target: "#item", swap: "outerMorph" });
});

// What others do to the item shows where nobody is busy with it, else as soon as nobody is.
const OPEN = "details:is([data-edit], [data-picker], .menu)[open], dialog[open], .item-choice";
let isLate = false;

function isBusy() {
  const shown = item();
  const held = shown.contains(document.activeElement) && document.activeElement;
  return Boolean(held && held.matches("input:not([type=checkbox]), textarea, select")) ||
    shown.querySelector(OPEN) !== null || shown.querySelector(".htmx-request") !== null;
}

function follow() {
  if (!isLate || !item() || isBusy()) return;
  isLate = false;
  window.htmx.ajax("GET", location.pathname + location.search, { target: "#item", swap: "outerMorph" });
}

const followSoon = () => isLate && setTimeout(follow, 200);

document.addEventListener("items:changed", ({ detail: { by, refs, moved } }) => {
  if (by !== "live" || !item()) return;
  if (refs.length ? !refs.includes(item().dataset.ref) : !moved) return;
  isLate = true;
  follow();
});
document.addEventListener("focusout", followSoon);
document.addEventListener("toggle", followSoon, true);
document.addEventListener("item:shown", followSoon);
document.addEventListener("item:closed", () => (isLate = false));

// A page that was loaded at the address that the panel had shares its history with the list: going
// back changes the address alone.
if (document.querySelector("[data-item-page]")) {
  const { pathname } = location;
  window.addEventListener("popstate", () => location.pathname === pathname || location.reload());
}

editable();
