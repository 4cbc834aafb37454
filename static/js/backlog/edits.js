// What cells, keys and the bar of the selection change: each opens its window and sends one deed.
import { isWriting, say, withdrawErrors } from "../app.js";
import { choose, decide, isOpen, type } from "./editor.js";
import { get, Refused, send } from "./send.js";
import { surface } from "./surface.js";

const POINTS = [0, { label: "½", value: 0.5 }, 1, 2, 3, 5, 8, 13, 20, 40];
const NOTHING = { label: "none", value: "" };
const NAMES = { status: "Status", kind: "Kind", parent: "Parent", assignee: "Assign", label: "Label" };
// A number is typed as a text: what is none would else leave the browser as an empty value.
const NUMBER = { type: "text", inputMode: "decimal", autocomplete: "off" };
const INPUTS = {
  points: { title: "Points", ...NUMBER },
  due_date: { title: "Due", type: "date" },
  gpu_hours: { title: "GPU-hours", ...NUMBER },
  blocked_reason: { title: "Blocked because", type: "text", maxLength: 300 },
};

export const pickers = () => JSON.parse(document.getElementById("pickers").textContent);
const host = () => surface.host();
const rowOf = (ref) => surface.rowOf(ref);
const targets = () => surface.targets();
export const mayEdit = () => "edit" in host().dataset;

const unseen = new Map(); // by refs: values of fields that show in no column
const cellOf = (ref, name) => rowOf(ref)?.querySelector(`[data-cell="${CSS.escape(name)}"]`);
const valueOf = (ref, name) => (cellOf(ref, name)?.dataset.value ?? unseen.get(ref)?.[name]) || "";
const listOf = (ref, name) => valueOf(ref, name).split(",").filter(Boolean);

function url() {
  return `${host().dataset.edit}?${host().dataset.query}`;
}

/** Show a value in its cell before the server has it; rows are drawn anew with what holds then.
 *  Returns what takes it back. */
function foretell(refs, name, words) {
  const backs = [];
  for (const ref of refs) {
    const cell = cellOf(ref, name);
    const word = cell?.querySelector(".status-name") ?? cell;
    if (!word || (word === cell && cell.firstElementChild && name !== "points")) continue;
    const text = word.firstChild ?? word;
    const before = text.textContent;
    text.textContent = words;
    backs.push(() => (text.textContent = before));
  }
  return () => backs.forEach((back) => back());
}

/** Change items and draw them as they are then; what is refused is said, or goes to `refused` once
 *  they are drawn as they were, with what says it. */
export async function change(refs, fields, { version, refused } = {}) {
  const about = `${Object.keys(fields)} of ${refs}`;
  const tell = (said) => say(said, "error", { about });
  try {
    const answer = await send(url(), { refs, ...fields, version });
    withdrawErrors(about);
    surface.put(answer, refs);
    say(answer.said, "success", { undoable: answer.undoable });
    for (const warning of answer.warnings || []) say(warning, "warning");
    return answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const [conflict] = error.problem?.conflicts || [];
    if (!conflict) {
      withdrawErrors(about);
      await surface.refresh(refs); // what was shown too early
      (refused ?? tell)(error.message, tell);
      return undefined;
    }
    const choice = await decide(cellOf(refs[0], conflict.field) || rowOf(refs[0]), refs[0], {
      theirs: conflict.theirs,
      mine: conflict.yours,
    });
    if (choice === "mine") return change(refs, fields, { refused });
    surface.refresh(refs);
    return undefined;
  }
}

/** One item goes by its version, so that nobody's change is written over unseen. */
function set(refs, fields, { refused } = {}) {
  const version = refs.length === 1 ? rowOf(refs[0])?.dataset.version : undefined;
  return change(refs, fields, { version, refused });
}

/** Open the window for a field that may show in no column: its values are fetched first. */
export async function editUnseen(name, refs, beside) {
  if (refs.some((ref) => !cellOf(ref, name))) {
    const found = await surface.values(refs, name);
    if (!found) return say("The server can't be reached. Try again in a moment.");
    unseen.clear();
    found.forEach((value, ref) => unseen.set(ref, { [name]: value }));
  }
  return edit(name, refs, beside);
}

/** Open the window for a field of these items, beside an element. */
export function edit(name, refs = targets(), beside = null) {
  if (!mayEdit() || refs.length === 0) return;
  const at = beside || cellOf(refs[0], name) || rowOf(refs[0]);
  if (name === "label" || name === "assignee") several(name, refs, at);
  else if (name in NAMES) one(name, refs, at);
  else if (name === "title") rename(refs[0]);
  else if (name.startsWith("fields.")) extra(name, refs, at);
  else typed(name, refs, at);
}

/** The epics that can be a parent: asked for when they are needed, for they may be hundreds. */
async function parents() {
  const response = await get(host().dataset.parents);
  if (response) return (await response.json()).parents;
  say("The epics could not be fetched: the server can't be reached. Try again in a moment.");
  return null;
}

function stateOf(value, values) {
  const count = values.filter((held) => held === value).length;
  return count === values.length ? "all" : count ? "some" : "";
}

function one(name, refs, at) {
  const values = refs.map((ref) => valueOf(ref, name));
  const withState = (option) => ({ ...option, state: stateOf(option.value, values) });
  const nothing = withState({ value: "", label: "No parent" });
  const offered =
    name === "parent"
      ? parents().then((found) => found && [nothing, ...found.map(withState)])
      : pickers()[name].map(withState);
  const title = refs.length > 1 ? `${NAMES[name]} of ${refs.length} items` : NAMES[name];
  const byRef = (typed) =>
    /^[a-z0-9]+-[0-9]+$/i.test(typed) && { value: typed, label: `Under ${typed.toUpperCase()}` };
  choose(at, title, offered, {
    make: name === "parent" ? byRef : undefined, // one that is done, or too far down to be offered
    pick: ({ value, label }) => {
      foretell(refs, name, name === "status" ? label : value);
      set(refs, { [name]: value });
    },
  });
}

function several(name, refs, at) {
  const has = (value) => refs.filter((ref) => listOf(ref, name).includes(value)).length;
  const options = pickers()[name].map((option) => {
    const count = has(option.value);
    return { ...option, state: count === refs.length ? "all" : count ? "some" : "" };
  });
  if (name === "assignee") {
    const { me } = pickers();
    options.sort((a, b) => (b.value === me) - (a.value === me));
  }
  const title = refs.length > 1 ? `${NAMES[name]} ${refs.length} items` : NAMES[name];
  choose(at, title, options, {
    many: true,
    make:
      name === "label" ? (typed) => ({ value: typed, label: typed, hint: "new label" }) : undefined,
    pick: (option) => {
      const on = option.state !== "all";
      change(refs, { [`${on ? "add" : "remove"}_${name}`]: option.value }).then((answer) => {
        if (answer && option.hint === "new label") remember(option.value);
      });
      return on ? "all" : "";
    },
  });
}

/** A new label can be chosen again before the page is read anew. */
function remember(name) {
  const kept = pickers();
  if (kept.label.some(({ value }) => value === name)) return;
  kept.label.push({ value: name, label: name, hue: "grey" });
  document.getElementById("pickers").textContent = JSON.stringify(kept);
}

function typed(name, refs, at) {
  const { title, ...field } = INPUTS[name];
  const value = refs.length === 1 ? valueOf(refs[0], name) : "";
  const hints = {
    points: [...POINTS, NOTHING],
    due_date: days(),
    blocked_reason: [{ ...NOTHING, label: "not blocked" }], // the reason itself stands in no column
  }[name];
  ask(name, refs, at, { title, field: { ...field, value }, hints });
}

/** Type a value and send it; what was refused is typed on, below the reason. */
function ask(name, refs, at, { title, field, hints = refs.length > 1 ? [NOTHING] : [], problem }) {
  const again = (value, said, tell) => {
    if (isOpen() || isWriting(document.activeElement)) return tell(said); // busy elsewhere by now
    const beside = at?.isConnected ? at : cellOf(refs[0], name) || rowOf(refs[0]);
    return ask(name, refs, beside, { title, field: { ...field, value }, hints, problem: said });
  };
  type(at, refs.length > 1 ? `${title}: ${refs.length} items` : title, field, {
    hints,
    problem,
    save: (typed) => {
      const value = field.inputMode === "decimal" ? typed.trim().replace(",", ".") : typed;
      const takeBack = foretell(refs, name, value || "–");
      const refused = (said, tell) => {
        takeBack();
        again(typed, said, tell);
      };
      set(refs, { [name]: value }, { refused });
    },
  });
}

function days() {
  const on = (days) => {
    const day = new Date();
    day.setDate(day.getDate() + days);
    const two = (number) => String(number).padStart(2, "0");
    return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
  };
  return [
    { label: "today", value: on(0) },
    { label: "in a week", value: on(7) },
    { label: "in two weeks", value: on(14) },
    NOTHING,
  ];
}

function extra(name, refs, at) {
  const { label, kind, choices } = pickers().fields[name];
  const values = refs.map((ref) => valueOf(ref, name));
  const [now] = refs.length === 1 ? values : [""];
  if (kind === "checkbox" && refs.length === 1) {
    set(refs, { [name]: now === "True" ? "" : "true" });
    return;
  }
  const title = refs.length > 1 ? `${label} of ${refs.length} items` : label;
  if (kind === "choice" || kind === "checkbox") {
    const choice = (value, label = value, held = value) =>
      ({ value, label, state: stateOf(held, values) });
    const options =
      kind === "choice"
        ? [choice("", "None"), ...choices.map((value) => choice(value))]
        : [choice("true", "Yes", "True"), { value: "", label: "No" }];
    choose(at, title, options, { pick: ({ value }) => set(refs, { [name]: value }) });
    return;
  }
  const inputs = { number: NUMBER, date: { type: "date" } };
  const field = { type: "text", maxLength: 1000, ...inputs[kind], value: now };
  ask(name, refs, at, { title: label, field });
}

/** The title is typed in its place; what was `typed` and refused stands there again. */
export function rename(ref, typed) {
  const link = rowOf(ref)?.querySelector(".row-link");
  if (!link || !mayEdit()) return;
  const title = link.querySelector(".row-title").textContent;
  const input = document.createElement("input");
  input.className = "row-rename";
  input.value = typed ?? title;
  input.maxLength = 250;
  input.setAttribute("aria-label", `Title of ${ref}`);
  let over = false;
  const end = (save) => {
    if (over) return;
    over = true;
    const text = input.value.trim();
    const held = document.activeElement === input;
    input.replaceWith(link);
    if (held) link.focus();
    if (!save || text === title) {
      if (link.closest("[data-ref]")?.dataset.waits) surface.refresh([ref]);
      return;
    }
    if (text) link.querySelector(".row-title").textContent = text;
    const refused = (said, tell) => {
      link.querySelector(".row-title").textContent = title;
      tell(said);
      rename(ref, text);
    };
    set([ref], { title: text }, { refused });
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") {
      event.stopPropagation();
      end(false);
    }
  });
  input.addEventListener("blur", () => end(true));
  const isBusy = isOpen() || isWriting(document.activeElement); // elsewhere, by the time that it was refused
  link.replaceWith(input);
  if (isBusy) return;
  input.focus();
  input.select();
}

/** Give these items to oneself, or give them back where all are one's own. */
export function assignMe(refs = targets()) {
  if (!mayEdit() || refs.length === 0) return;
  const { me } = pickers();
  const isMine = refs.every((ref) => listOf(ref, "assignee").includes(me));
  change(refs, { [isMine ? "remove_assignee" : "add_assignee"]: me });
}
