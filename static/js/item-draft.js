// What somebody typed into an item and has not saved survives a reload, a lost connection and a
// signing out: it is kept in this browser by person, item and field, with the version that it was
// typed against, and put back with a note. What could not be sent is sent again.
import { dropDraft, dropSent, readDraft as read, sweepDrafts, writeDraft as write } from "./drafts.js";

const PREFIX = "item-draft:";
const IGNORED = new Set(["csrfmiddlewaretoken", "version", "place", "was", "deed", "set"]);
const { person } = document.body.dataset;
const told = new Set(); // drafts of which the person was told that they are back

const keyOf = (form) => `${PREFIX}${person}:${form.closest("#item").dataset.ref}:${form.dataset.draft}`;

function drop(key) {
  told.delete(key);
  dropDraft(key);
}

// Keeping -----------------------------------------------------------------------------------------
const formOf = (target) => target?.closest?.("#item form[data-draft]") ?? null;

function typed(form) {
  return Object.fromEntries(
    [...form.elements]
      .filter((one) => one.name && !IGNORED.has(one.name) && one.matches("input, textarea, select"))
      .map((one) => [one.name, one.value]),
  );
}

function isAsServed(form) {
  return [...form.elements].every((one) => {
    if (!one.name || IGNORED.has(one.name)) return true;
    if (one.matches("select")) return [...one.options].every((o) => o.selected === o.defaultSelected);
    return !one.matches("input, textarea") || one.value === one.defaultValue;
  });
}

function keep(form) {
  const key = keyOf(form);
  if (isAsServed(form) && !form.matches("[data-settles]")) {
    drop(key);
    note(form, null);
    return;
  }
  const version = read(key)?.version ?? form.elements.version?.value ?? "";
  write(key, { values: typed(form), version });
}

document.addEventListener("input", ({ target }) => {
  const form = formOf(target);
  if (form) keep(form);
});

document.addEventListener("draft:drop", ({ target }) => {
  drop(keyOf(target));
  target.reset();
  note(target, null);
});

// Putting back ------------------------------------------------------------------------------------
function putBack(form, draft) {
  for (const [name, value] of Object.entries(draft.values)) {
    const field = form.elements[name];
    if (field && "value" in field) field.value = value;
  }
  if (form.elements.version && draft.version) form.elements.version.value = draft.version;
}

function putAllBack({ loudly }) {
  for (const form of document.querySelectorAll("#item form[data-draft]")) {
    const key = keyOf(form);
    const draft = read(key);
    if (!draft) continue;
    // A choice shows what was typed anyway, and is made against what stands there now.
    if (form.matches("[data-settles]")) continue;
    putBack(form, draft);
    if (isAsServed(form)) {
      drop(key);
      continue;
    }
    if (loudly) {
      told.add(key);
      const editor = form.closest("details[data-edit]");
      if (editor) editor.open = true;
    }
    if (form.dataset.unsent) note(form, UNSENT);
    else if (told.has(key)) note(form, BACK);
  }
}

// Notes -------------------------------------------------------------------------------------------
const BACK = "Your unsaved text is back.";
const UNSENT = "Not saved: the server can't be reached. It is sent again once it can.";

function button(name, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = name;
  made.addEventListener("click", act);
  return made;
}

function note(form, sentence) {
  form.querySelector(":scope > .item-note")?.remove();
  if (!sentence) return;
  const made = document.createElement("div");
  made.className = "item-note";
  made.setAttribute("role", "status");
  const text = document.createElement("span");
  text.textContent = sentence;
  made.append(text);
  if (sentence === UNSENT) made.append(button("Try again", () => resend(form)));
  else if (!form.querySelector("[type=submit]:not(noscript *)")) made.append(button("Save", () => form.requestSubmit()));
  if (form.dataset.draft) {
    made.append(button("Discard", () => form.dispatchEvent(new CustomEvent("draft:drop", { bubbles: true }))));
  }
  form.append(made);
}

// Sending again -----------------------------------------------------------------------------------
// Which button sent a form is part of what it says, such as "edit" of a criterion.
const senders = new WeakMap();

document.addEventListener("submit", ({ target, submitter }) => {
  if (target.closest("#item")) senders.set(target, submitter);
});

function resend(form) {
  const submitter = senders.get(form);
  form.requestSubmit(submitter?.isConnected && submitter.form === form ? submitter : undefined);
}

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  const form = ctx?.sourceElement;
  if (!form?.matches?.("#item form") || ctx.request.method !== "POST") return;
  form.dataset.unsent = "yes";
  if (form.dataset.draft) write(keyOf(form), { values: typed(form), version: form.elements.version?.value ?? "" });
  note(form, UNSENT);
});

window.addEventListener("online", () => {
  document.querySelectorAll("#item form[data-unsent]").forEach(resend);
});

document.addEventListener("htmx:before:response", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement; // a preview comes of a button within the form
  if (!form?.matches?.("#item form") || ctx.request.method !== "POST") return;
  const wentToSignIn = ctx.response.raw.redirected;
  delete form.dataset.unsent;
  note(form, null);
  if (ctx.response.status >= 400 || wentToSignIn) return;
  const dropped = form.dataset.draft ?? form.dataset.drops;
  if (dropped) drop(`${PREFIX}${person}:${form.closest("#item").dataset.ref}:${dropped}`);
});

// After each deed what is still being typed elsewhere stays typed.
document.addEventListener("item:shown", () => putAllBack({ loudly: false }));

// The panel beside the backlog brings items one after the other.
let shownRef = "";
function greet() {
  const ref = document.getElementById("item")?.dataset.ref ?? "";
  if (ref && ref !== shownRef) putAllBack({ loudly: true });
  shownRef = ref;
}

sweepDrafts(PREFIX, person);
if (document.querySelector("[data-item-page]")) {
  const title = document.getElementById("item-heading")?.textContent.trim();
  const titleOf = ({ fields }) => fields.find(([name]) => name === "title")?.[1].trim();
  dropSent((draft) => titleOf(draft) === title); // else the server did not make the new item
}
greet();
document.addEventListener("htmx:after:swap", greet);
