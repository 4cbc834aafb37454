// The triage by keys: f m r d a p o w act on the findings that are chosen, else on the one that has
// the focus. row-keys.js moves between them and chooses; links open them.
import { isWriting } from "../keys.js";

const form = () => document.getElementById("decide");
const boxes = () => [...(form()?.querySelectorAll("[data-row] input[name=finding]") ?? [])];
const chosen = () => boxes().filter((box) => box.checked);
const rowOf = (element) => element?.closest?.("[data-row]");
let at = 0; // the place of the row that was acted on, to go on from
let isDeciding = false;
let kept = []; // what was chosen before others' deeds came in

function count() {
  const said = form()?.querySelector("[data-chosen]");
  if (!said) return;
  const [all, some] = [boxes().length, chosen().length];
  said.textContent = some ? `${some} chosen` : "None chosen";
  const every = form().querySelector("[data-all]");
  every.checked = all > 0 && some === all;
  every.indeterminate = some > 0 && some < all;
}

/** Without a choice, the row that has the focus is chosen. */
function choose(element) {
  const box = rowOf(element)?.querySelector("input[name=finding]");
  if (box && !chosen().length) box.checked = true;
  count();
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("#decide [data-all]")) boxes().forEach((box) => (box.checked = target.checked));
  if (target.closest?.("#decide")) count();
});

// Enter in a field of a menu presses the button of that menu.
document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("#decide .menu-panel :is(input, select)");
  if (event.key !== "Enter" || !field || event.isComposing) return;
  event.preventDefault();
  field.closest(".menu-panel").querySelector("button[type=submit]").click();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = rowOf(event.target);
  const isBox = event.target.matches?.("[data-row] input[type=checkbox]");
  if (isWriting(isBox ? row : event.target)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : "";
  const control = key && form()?.querySelector(`[data-triage="${CSS.escape(key)}"]`);
  if (!control) return;
  event.preventDefault();
  choose(event.target);
  control.click();
  if (!control.matches("summary")) return;
  const first = control.parentElement.querySelector("input, select, textarea");
  first?.focus();
});

document.addEventListener("submit", ({ target }) => {
  if (target !== form()) return;
  isDeciding = true;
  at = Math.max(0, boxes().findIndex((box) => box.checked));
});

// What comes anew keeps the choice of who looks at it, unless it is what became of that choice.
document.addEventListener("htmx:before:swap", () => {
  kept = isDeciding ? [] : chosen().map((box) => box.value);
});

// What follows stands in the place of what was decided.
document.addEventListener("htmx:after:swap", () => {
  for (const box of boxes()) if (kept.includes(box.value)) box.checked = true;
  count();
  if (!isDeciding) return;
  isDeciding = false;
  const held = document.activeElement;
  const isElsewhere = held && held !== document.body && !held.closest("#decide");
  if (isElsewhere || rowOf(held)) return;
  const rows = [...document.querySelectorAll("#triage [data-row]")];
  rows[Math.min(at, rows.length - 1)]?.querySelector("a").focus();
});

count();
