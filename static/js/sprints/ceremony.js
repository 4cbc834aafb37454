// The page of a ceremony: its clock, notes that save themselves, and forms that start anew.
import { say } from "../app.js";
import { dropDraft, readDraft, sweepDrafts, writeDraft } from "../drafts.js";

const SAVE_AFTER_MS = 1500; // since the last letter
const LOOK_EVERY_MS = 5000; // whether somebody else still writes, once their time is up
const RENEW_EVERY_MS = 12000; // the server holds a block for 30 s

// ---- The clock ----
function tick() {
  for (const clock of document.querySelectorAll("[data-timer]")) {
    const { ends, left } = clock.dataset;
    const seconds = ends ? Math.round((new Date(ends) - Date.now()) / 1000) : Number(left);
    const whole = Math.abs(seconds);
    const hours = Math.floor(whole / 3600);
    const minutes = String(Math.floor((whole % 3600) / 60)).padStart(2, "0");
    const rest = String(whole % 60).padStart(2, "0");
    clock.textContent = `${seconds < 0 ? "−" : ""}${hours ? `${hours}:` : ""}${minutes}:${rest}`;
    clock.classList.toggle("is-over", seconds < 0);
  }
}
setInterval(tick, 1000);
tick();

// ---- Notes: saved while somebody writes; the first letter that fails to be kept is said ----
const editors = new WeakMap();
const DRAFTS = "note-draft:";
const { person, guest } = document.body.dataset;
const whose = person || `guest-${guest}`; // several guests may come by one browser
const draftOf = (block) => `${DRAFTS}${whose}:${block}`;

function arm(form) {
  if (editors.has(form)) return;
  const area = form.elements.text;
  const editor = {
    kept: area.value, timer: 0, renewed: Date.now(), sending: null, stopped: false, unsent: false,
  };
  editors.set(form, editor);
  putBack(form);
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  area.addEventListener("input", () => {
    clearTimeout(editor.timer);
    editor.timer = setTimeout(() => save(form), SAVE_AFTER_MS);
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

async function save(form) {
  const editor = editors.get(form);
  if (!form.isConnected || editor.stopped) return;
  if (editor.sending) {
    clearTimeout(editor.timer);
    editor.timer = setTimeout(() => save(form), SAVE_AFTER_MS);
    return;
  }
  const text = form.elements.text.value;
  editor.sending = fetch(form.dataset.save, { method: "POST", body: new FormData(form) });
  const answer = await editor.sending.catch(() => null);
  editor.sending = null;
  editor.renewed = Date.now();
  const told = form.querySelector("[data-saved]");
  editor.unsent = !answer?.ok;
  if (!answer) {
    told.textContent = "Not saved: the server can't be reached. It tries again by itself.";
    editor.timer = setTimeout(() => save(form), SAVE_AFTER_MS * 4);
    return;
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) {
    editor.kept = text;
    dropDraft(draftOf(form.dataset.editor));
    form.elements.base_version.value = said.version;
    told.textContent = "Saved";
    return;
  }
  editor.stopped = true; // what was typed stays in the field; Save shows what others wrote beside it
  told.textContent = "";
  say(said.detail || "This could not be saved. Copy your text and reload the page.");
}

// Whoever pauses to think goes on holding the block for as long as the editor is open.
setInterval(() => {
  for (const form of document.querySelectorAll("form[data-editor]")) {
    const editor = editors.get(form);
    if (editor && !editor.sending && Date.now() - editor.renewed > RENEW_EVERY_MS) save(form);
  }
}, 3000);

// Whoever leaves the page leaves the block to others, with all that was typed; what is too long to
// be sent on leaving (browsers take 64 kB), or could not be, stays in this browser as a draft.
window.addEventListener("pagehide", () => {
  for (const form of document.querySelectorAll("form[data-editor]")) {
    const editor = editors.get(form);
    if (!editor) continue;
    const all = new FormData(form);
    const isTyped = form.elements.text.value !== editor.kept;
    if (isTyped && (editor.stopped || editor.unsent)) keepDraft(form);
    if (editor.stopped) continue;
    if (isTyped) {
      // Saves and lets go in one.
      if (!navigator.sendBeacon(form.getAttribute("action"), all)) keepDraft(form);
    } else {
      const token = new FormData();
      token.set("csrfmiddlewaretoken", all.get("csrfmiddlewaretoken"));
      navigator.sendBeacon(form.dataset.release, token);
    }
  }
});

// ---- Drafts: what was typed and not saved comes back with the block ----
function keepDraft(form) {
  const { text, base_version: base } = form.elements;
  writeDraft(draftOf(form.dataset.editor), { text: text.value, version: base.value });
}

/** Into the editor, against the version that it was typed on: what others wrote since is shown. */
function putBack(form) {
  const draft = readDraft(draftOf(form.dataset.editor));
  if (!draft) return;
  if (form.elements.text.value === draft.text) {
    dropDraft(draftOf(form.dataset.editor));
    return;
  }
  form.elements.text.value = draft.text;
  form.elements.base_version.value = draft.version;
  form.querySelector("[data-saved]").textContent = "Your unsaved text is back.";
}

function offerDrafts() {
  for (const notes of document.querySelectorAll("[data-notes]")) {
    const block = notes.id.replace("notes-", "");
    const draft = readDraft(draftOf(block));
    const write = document.getElementById(`write-${block}`);
    if (!draft || !write || notes.querySelector(".note-draft")) continue;
    if (sumOf(draft.text) === Number(notes.dataset.sum)) {
      dropDraft(draftOf(block)); // what was sent on leaving had come through
      continue;
    }
    const told = document.createElement("p");
    told.className = "note-draft small";
    told.setAttribute("role", "status");
    told.append(
      "What you wrote here last was not saved. ",
      deed("Go on writing", () => write.click()),
      deed("Discard", () => {
        dropDraft(draftOf(block));
        told.remove();
      }),
    );
    notes.prepend(told);
  }
}

/** CRC-32, as the server reckons it of the notes. */
function sumOf(text) {
  let sum = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function deed(name, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-sm";
  made.textContent = name;
  made.addEventListener("click", act);
  return made;
}

// Back by the browser's history: the editor as it was left, which holds its block anew.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) document.querySelectorAll("form[data-editor]").forEach((form) => save(form));
});

// A hold that ends by itself is no deed that anybody hears of: look again once it should have.
setInterval(() => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-held-until]")) {
    if (Date.now() < new Date(part.dataset.heldUntil)) continue;
    const target = `#${part.id}`;
    window.htmx.ajax("GET", part.dataset.liveUrl, { target, select: target, swap: "outerMorph" });
  }
}, LOOK_EVERY_MS);

// A save that is under way must not come after the one that ends the writing.
document.addEventListener("htmx:before:request", ({ target }) => {
  const form = target.closest?.("form[data-editor]");
  if (form) {
    clearTimeout(editors.get(form).timer);
    editors.get(form).stopped = true;
  }
});

// What was saved, or left as it was saved, is no draft any more.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const form = ctx?.sourceElement?.closest?.("form[data-editor]");
  if (form && ctx.response?.status < 400) dropDraft(draftOf(form.dataset.editor));
});

// Where that fails, the editor stays and goes on keeping what is written.
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const form = ctx?.sourceElement?.closest?.("form[data-editor]");
  const editor = form && editors.get(form);
  if (!editor || ctx.response?.status < 400) return;
  editor.stopped = false;
  clearTimeout(editor.timer);
  editor.timer = setTimeout(() => save(form), SAVE_AFTER_MS);
});

// ---- After each swap ----
function ready() {
  document.querySelectorAll("form[data-editor]").forEach(arm);
  offerDrafts();
  tick();
}

document.addEventListener("htmx:after:swap", ready);
sweepDrafts(DRAFTS, person);
ready();

// A form that was sent starts anew.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const form = ctx?.sourceElement?.closest?.("form[data-says]");
  if (form && ctx.response?.status < 400) {
    form.reset();
    form.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

// What is asked of each kind of outcome.
function ask(form) {
  const kind = form.elements.kind?.value;
  for (const [name, of] of [["of-insight", "insight"], ["of-action", "action"]]) {
    const part = form.querySelector(`.${name}`);
    if (part) part.hidden = kind !== of;
  }
}

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("form[data-says]") ?? (target.matches?.("form[data-says]") ? target : null);
  if (form) ask(form);
});
document.querySelectorAll("form[data-says]").forEach(ask);
