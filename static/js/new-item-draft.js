// What somebody typed into the form of a new item survives a reload and a way to another page: it
// is kept in this browser by person and address until the item is there, and put back with a note.
import { dropDraft, markSent, readDraft, sweepDrafts, writeDraft } from "./drafts.js";

const PREFIX = "new-item-draft:";
const CSRF = "csrfmiddlewaretoken";
const { person } = document.body.dataset;
const form = document.querySelector("form[data-new-item]");
const key = `${PREFIX}${person}:${location.pathname}${location.search}`;

const fields = () => [...new FormData(form)].filter(([name]) => name !== CSRF);
const served = JSON.stringify(fields());

function keep() {
  if (JSON.stringify(fields()) === served) dropDraft(key);
  else writeDraft(key, { fields: fields() });
}

function putBack(kept) {
  for (const field of form.elements) {
    if (!field.name || field.name === CSRF) continue;
    const values = kept.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.matches("[type=checkbox]")) field.checked = values.includes(field.value);
    else if (values.length) [field.value] = values;
  }
}

function note() {
  const made = document.createElement("div");
  const text = document.createElement("span");
  const discard = document.createElement("button");
  made.className = "item-note";
  made.setAttribute("role", "status");
  text.textContent = "Your unsaved text is back.";
  discard.type = "button";
  discard.textContent = "Discard";
  discard.addEventListener("click", () => {
    form.reset();
    dropDraft(key);
    made.remove();
    form.elements.title.focus();
  });
  made.append(text, discard);
  form.prepend(made);
}

sweepDrafts(PREFIX, person);
markSent(null);
const kept = readDraft(key)?.fields;
const isAnswer = form.querySelector(".has-error, [role=alert]") !== null; // it holds what was typed
if (kept && !isAnswer && JSON.stringify(kept) !== served) {
  putBack(kept);
  note();
}
form.addEventListener("input", keep);
form.addEventListener("change", keep);
form.addEventListener("submit", () => markSent(key));
window.addEventListener("pageshow", () => markSent(null)); // back from where it was sent to
