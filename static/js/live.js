// What others do shows by itself. One stream of events (EventSource) per tab, while the tab is seen:
// browsers allow six connections to a server, and whoever comes back gets what came meanwhile.
//
// For every event of others `live:activity` is dispatched on the document; its `detail` is what the
// list of events in the REST API says of a deed: seq, kind, refs, moved, subject, ids. What concerns
// items goes on as `items:changed` with `by: "live"`, which lists, boards and items follow already.
//
// For any other part of a page, in its template alone:
//
//   <section id="cards" data-live="ceremony. card." data-live-id="ceremony:5">…</section>
//
// is fetched anew and morphed when an event comes whose kind begins with one of these words, and
// which is about that object. All but `data-live` and the element's own `id` may be left out:
//   data-live-id    one or more of `name:number` or `kind:slug` (subjects), any of which is enough
//   data-live-url   where the element comes from, by itself or within a page; else this page
//   data-live-own   deeds of this very tab bring it anew too, where what they answered does not
//   data-live-items whatever changes of items brings it anew too, by whichever page
//   data-live-keeps it keeps by itself what is written and open in it, so it waits for drags only
// It waits while somebody writes in it or has not sent what they wrote, has a menu, editor or dialog
// open, or drags.
//
//   <div data-here="board:5" hidden></div>
//
// (partials/_here.html) shows who else has a page with the same words open.
const { stream: address, person: me } = document.body.dataset;
const GATHERING_MS = 40;
const HOLD_MS = 300;
const BACK_OFF_MS = [2000, 5000, 15_000, 60_000];

const tab = [...crypto.getRandomValues(new Uint8Array(8))]
  .map((byte) => byte.toString(16).padStart(2, "0"))
  .join("");
const place = document.querySelector("[data-here]")?.dataset.here ?? "";

let last = Number(document.body.dataset.seq || 0); // what this page shows, at least
let source = null;
let failures = 0;
let again = 0;

// Requests say which page they come from, so that its own deeds can be told from others'.
const HEADERS = "hx-headers:inherited";
const headers = JSON.parse(document.body.getAttribute(HEADERS) || "{}");
document.body.setAttribute(HEADERS, JSON.stringify({ ...headers, "X-Tab": tab }));

// The stream ---------------------------------------------------------------------------------------

function open() {
  if (source || !address || document.hidden) return;
  const query = new URLSearchParams({ after: last, tab });
  if (place) query.set("here", place);
  source = new EventSource(`${address}?${query}`);
  source.onopen = () => (failures = 0);
  source.onmessage = heard;
  source.addEventListener("missed", missed);
  source.addEventListener("here", ({ data }) => showFaces(JSON.parse(data)));
  source.onerror = failed;
}

function close() {
  clearTimeout(again);
  source?.close();
  source = null;
}

/** A broken connection is taken up again by the browser itself; a refusal is not, and may come of a
 *  server that is just starting. */
function failed() {
  if (source?.readyState !== EventSource.CLOSED) return;
  close();
  document.dispatchEvent(new CustomEvent("live:refused"));
  if (failures < BACK_OFF_MS.length) again = setTimeout(open, BACK_OFF_MS[failures++]);
}

function heard({ data, lastEventId }) {
  const seq = Number(lastEventId);
  if (seq <= last) return;
  last = seq;
  const deed = JSON.parse(data);
  const isOwn = deed.tab === tab;
  tellParts(deed, isOwn);
  if (isOwn) return;
  if (TOLD.test(deed.kind)) ring();
  document.dispatchEvent(new CustomEvent("live:activity", { detail: deed }));
  if (isAboutItems(deed)) {
    gather(deed);
    ring();
  }
}

/** Too much came to tell it all. */
function missed({ lastEventId }) {
  last = Number(lastEventId);
  document.dispatchEvent(new CustomEvent("live:missed"));
  for (const part of document.querySelectorAll("[data-live]")) bring(part);
  gather({ refs: [], moved: true });
  ring();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else open();
});
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
window.addEventListener("online", () => {
  failures = 0;
  open();
});

// Items --------------------------------------------------------------------------------------------

const ABOUT_ITEMS = /^(items?|sprint|status|label|field|team|goal|finding)\.|^product\.(workflow|updated)/;
let gathered = null;
let gathering = 0;

function isAboutItems({ kind, refs, moved }) {
  return refs.length > 0 || moved || ABOUT_ITEMS.test(kind);
}

/** News of one moment are shown together, and none while the hand is in the middle of something. */
function gather({ refs, moved, more_refs: more }) {
  gathered ??= { refs: new Set(), moved: false };
  refs.forEach((ref) => gathered.refs.add(ref));
  gathered.moved ||= moved || more || refs.length === 0;
  if (!gathering) gathering = setTimeout(tell, GATHERING_MS);
}

function tell() {
  if (isBusy(document)) {
    gathering = setTimeout(tell, HOLD_MS);
    return;
  }
  const { refs, moved } = gathered;
  gathered = null;
  gathering = setTimeout(() => {
    gathering = 0;
    if (gathered) tell();
  }, HOLD_MS); // a hundred deeds at once are no hundred requests
  const detail = { refs: [...refs], moved, by: "live" };
  document.dispatchEvent(new CustomEvent("items:changed", { detail }));
  document.querySelectorAll("[data-live-items]").forEach(bring);
}

const IN_HAND = ".row-rename, .editor, .sortable-chosen, .is-dragging, dialog.done-dialog[open]";
const isBusy = (within) => within.querySelector(IN_HAND) !== null;

// Deeds that are about no item and tell people something.
const TOLD = /^(term\.contested|ceremony\.(action_)?reminded)$/;

// The bell -----------------------------------------------------------------------------------------

const RINGS_MS = 1000;
let ringing = 0;

function ring() {
  if (ringing) return;
  ringing = setTimeout(() => {
    ringing = 0;
    document.dispatchEvent(new CustomEvent("live:bell"));
  }, RINGS_MS);
}

// Parts that say themselves what they follow -------------------------------------------------------

const words = (text) => (text ?? "").split(/\s+/).filter(Boolean);

function concerns(part, { kind, ids, subject }) {
  if (!words(part.dataset.live).some((prefix) => kind.startsWith(prefix))) return false;
  const wanted = words(part.dataset.liveId);
  if (!wanted.length) return true;
  return wanted.some((one) => {
    const [name, id] = one.split(":");
    return String(ids[name]) === id || (subject?.kind === name && subject.slug === id);
  });
}

function tellParts(deed, isOwn) {
  for (const part of document.querySelectorAll("[data-live]")) {
    if ((!isOwn || "liveOwn" in part.dataset) && concerns(part, deed)) bring(part);
  }
}

const wanted = new Set(); // the ids of parts that are to come
let bringing = 0;

function bring({ id }) {
  wanted.add(id);
  if (!bringing) bringing = setTimeout(bringAll, GATHERING_MS);
}

async function bringAll() {
  for (const id of [...wanted]) {
    const part = document.getElementById(id);
    if (part && isHeld(part)) continue;
    wanted.delete(id);
    if (part) await fetched(part, id);
  }
  bringing = wanted.size ? setTimeout(bringAll, HOLD_MS) : 0;
}

const WRITING = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select";
const OPEN = "details[data-edit][open], details.menu[open], details[data-picker][open], "
  + "form[data-editor], dialog[open]";

function isWritten(part) {
  const held = part.contains(document.activeElement) && document.activeElement;
  const isWriting = held && held.matches(WRITING);
  return isWriting || hasDraft(part) || part.querySelector(OPEN) !== null || isBusy(part);
}

const hasDraft = (part) =>
  [...part.querySelectorAll("textarea")].some((area) => area.value !== area.defaultValue);

const isHeld = (part) => ("liveKeeps" in part.dataset ? isBusy(part) : isWritten(part));

async function fetched(part, id) {
  const url = part.dataset.liveUrl || location.pathname + location.search;
  const selector = `#${CSS.escape(id)}`;
  await window.htmx.ajax("GET", url, {
    target: selector,
    select: selector,
    swap: "outerMorph",
    headers: { "HX-Target": `${part.localName}#${id}` },
  });
  document.dispatchEvent(new CustomEvent("live:brought", { detail: { id } }));
}

// Who is here --------------------------------------------------------------------------------------

const FACES = 8;
const MOST_FACES = 6;

function showFaces(people) {
  for (const root of document.querySelectorAll("[data-here]")) {
    const others = people.filter(({ id }) => String(id) !== me);
    root.hidden = others.length === 0;
    const shown = others.length > MOST_FACES ? others.slice(0, MOST_FACES - 1) : others;
    const faces = shown.map(({ id, name, initials }) => face(`face-${id % FACES}`, initials, name));
    const left = others.length - shown.length;
    if (left) faces.push(face("face-none", `+${left}`, `${left} others`));
    root.querySelector(".faces").replaceChildren(...faces);
  }
}

function face(css, letters, name) {
  const made = document.createElement("span");
  const seen = document.createElement("span");
  const read = document.createElement("span");
  made.className = `face ${css}`;
  made.title = `${name} is here`;
  seen.setAttribute("aria-hidden", "true");
  seen.textContent = letters;
  read.className = "visually-hidden";
  read.textContent = `${name} is here`;
  made.append(seen, read);
  return made;
}

open();
