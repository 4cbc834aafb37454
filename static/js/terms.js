// Words of the glossary are links; who rests on one, by hand or by key, is told what it means.
const REST_MS = 250; // before the pointer counts as resting, and before it counts as gone
const GAP = 6;

const KNOWN_MS = 30000; // before a card is asked for again: others may have agreed meanwhile

const known = new Map(); // the card of each address
let card = null;
let shownFor = null;
let timer = 0;

const termOf = (target) => (target instanceof Element ? target.closest("a.term") : null);

function cardElement() {
  if (card) return card;
  card = document.createElement("div");
  card.id = "term-card";
  card.className = "term-card";
  card.popover = "manual";
  card.setAttribute("role", "tooltip");
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", later);
  document.body.append(card);
  return card;
}

function place(link) {
  const at = link.getClientRects()[0] || link.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = card;
  const left = Math.max(8, Math.min(at.left, window.innerWidth - width - 8));
  const isBelow = at.bottom + GAP + height <= window.innerHeight || at.top < height + GAP;
  card.style.left = `${left}px`;
  card.style.top = `${isBelow ? at.bottom + GAP : at.top - GAP - height}px`;
}

async function cardOf(link) {
  const address = new URL("card/", link.href).href;
  if (!known.has(address)) {
    const answer = await fetch(address);
    if (!answer.ok || answer.redirected) return null;
    known.set(address, await answer.text());
    setTimeout(() => known.delete(address), KNOWN_MS);
  }
  return known.get(address) ?? null;
}

async function show(link) {
  if (shownFor === link) return;
  hide();
  shownFor = link;
  const html = await cardOf(link).catch(() => null);
  if (html === null || shownFor !== link || !link.isConnected) return;
  cardElement().innerHTML = html;
  card.showPopover();
  place(link);
  link.setAttribute("aria-describedby", card.id);
}

function hide() {
  clearTimeout(timer);
  shownFor?.removeAttribute("aria-describedby");
  shownFor = null;
  if (card?.matches(":popover-open")) card.hidePopover();
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => document.activeElement !== shownFor && hide(), REST_MS);
}

document.addEventListener("pointerover", (event) => {
  const link = termOf(event.target);
  if (!link || event.pointerType === "touch") return;
  clearTimeout(timer);
  if (link !== shownFor) timer = setTimeout(() => show(link), REST_MS);
});

document.addEventListener("pointerout", (event) => {
  const link = termOf(event.target);
  if (link && !link.contains(event.relatedTarget)) later();
});

document.addEventListener("focusin", (event) => {
  const link = termOf(event.target);
  if (link) show(link);
});

document.addEventListener("focusout", (event) => {
  if (termOf(event.target) === shownFor) hide();
});

// Escape puts the card away and nothing else: the panel around it stays open.
window.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !card?.matches(":popover-open")) return;
    event.stopPropagation();
    hide();
  },
  true,
);

document.addEventListener("scroll", () => card?.matches(":popover-open") && place(shownFor), {
  capture: true,
  passive: true,
});
