// Retrospectives: cards are dragged onto one another, fields are cleared once they are sent, and
// what somebody has open is not redrawn by what others do.
const ENTER = "Enter";

const menuOf = (element) => element?.closest?.(".retro details");

/* Open menus ------------------------------------------------------------------------------ */

// A morph would close it, and take what is typed in it.
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (menuOf(target) !== target) return;
    target.toggleAttribute("hx-morph-skip", target.open);
    offerTargets(target);
  },
  true,
);

// The groups that a card can go to stand in the page once, and in the menu that is open.
function offerTargets(menu) {
  const place = menu.querySelector("[data-targets]");
  const offered = document.getElementById("retro-targets");
  if (!place) return;
  place.replaceChildren(...(menu.open ? offered.content.cloneNode(true).children : []));
  const own = menu.closest("[data-group]")?.dataset.group;
  place.querySelector(`button[value="${CSS.escape(own ?? "")}"]`)?.remove();
}

// What is sent from a menu closes it, so that the answer is drawn.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const menu = menuOf(ctx.sourceElement);
  if (!menu || ctx.response?.status >= 400) return;
  menu.open = false;
  menu.removeAttribute("hx-morph-skip");
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && menuOf(event.target);
  if (!menu?.open) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

/* Fields ---------------------------------------------------------------------------------- */

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement?.closest?.("form[data-clears]");
  if (!form || ctx.response?.status >= 400) return;
  form.reset();
  form.querySelector("textarea")?.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== ENTER || event.shiftKey || event.isComposing) return;
  const field = event.target.closest?.("[data-enter-sends]");
  if (!field) return;
  event.preventDefault();
  if (field.value.trim()) field.form.requestSubmit();
});

document.addEventListener("focusout", ({ target }) => {
  const isTitle = target.matches?.("[data-saves-on-leave]");
  if (isTitle && target.isConnected && target.value !== target.defaultValue) {
    target.form.requestSubmit();
  }
});

/* Drags ----------------------------------------------------------------------------------- */

let dragged = null;

const groupAt = (event) => {
  const group = dragged && event.target.closest?.("[data-group]");
  return group && !group.contains(dragged) ? group : null;
};

function showTarget(group) {
  for (const other of document.querySelectorAll(".retro-group.is-over")) {
    if (other !== group) other.classList.remove("is-over");
  }
  group?.classList.add("is-over");
}

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-card]") ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.card);
  dragged.classList.add("is-dragging");
});

document.addEventListener("dragover", (event) => {
  const group = groupAt(event);
  showTarget(group);
  if (group) event.preventDefault();
});

document.addEventListener("drop", (event) => {
  const group = groupAt(event);
  if (!group) return;
  event.preventDefault();
  send(dragged, group.dataset.group);
});

document.addEventListener("dragend", () => {
  dragged?.classList.remove("is-dragging");
  showTarget(null);
  dragged = null;
});

// As if its menu had been used.
function send(card, onto) {
  const form = card.querySelector("form.retro-move");
  const field = form.querySelector("input[name=onto]") ?? document.createElement("input");
  Object.assign(field, { type: "hidden", name: "onto", value: onto });
  form.append(field);
  form.requestSubmit();
  field.remove();
}
