// Planning poker: a card is held up by its key, and what was found and added is cleared away.
import { isWriting } from "../app.js";

const KEYS = /^[0-9?]$/;
let typed = "";
let typing = 0;

// A found item that was added is found no more: the list, which a morph leaves alone, is emptied.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const found = document.getElementById("poker-found");
  if (!found?.contains(ctx.sourceElement)) return;
  const field = document.getElementById("poker-q");
  found.replaceChildren();
  field.value = "";
  field.focus();
});

// The search answers as one types; Enter must not lead to its own page.
document.addEventListener("submit", (event) => {
  if (event.target.matches(".poker-search") && document.getElementById("poker-found")) {
    event.preventDefault();
  }
});

// `5`, or quickly `1` `3`: the card that says so; it is sent with Enter, as a button is.
document.addEventListener("keydown", (event) => {
  if (isWriting(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!KEYS.test(event.key) || !event.target.closest?.(".poker-deck")) return;
  clearTimeout(typing);
  typing = setTimeout(() => (typed = ""), 800);
  typed += event.key;
  const cards = [...document.querySelectorAll(".poker-deck > button.poker-card")];
  const card =
    cards.find(({ value }) => value === typed) ?? cards.find(({ value }) => value === event.key);
  if (!card) return;
  event.preventDefault(); // ? means the card here, not the list of keys
  card.focus();
});
