// Short lists in an order of the product's own: rows are dragged, or moved by their two buttons.
// The server is told before which row it now stands; what it refuses goes back to where it was.
import Sortable from "sortablejs";
import { say } from "./app.js";

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

function arm(list) {
  if (Sortable.get(list)) return;
  let next = null;
  Sortable.create(list, {
    draggable: "[data-slug]",
    handle: ".grip",
    animation: still.matches ? 0 : 150,
    onStart: ({ item }) => {
      next = item.nextElementSibling;
    },
    onEnd: ({ item }) => {
      if (item.nextElementSibling !== next) keep(list, item, next);
    },
  });
}

async function keep(list, item, next) {
  const form = item.querySelector("form.order-buttons");
  const body = new URLSearchParams(new FormData(form));
  body.set("before", item.nextElementSibling?.dataset.slug ?? "");
  body.set("quiet", "1");
  endsOf(list);
  const headers = { "HX-Request": "true" }; // a refusal is an answer, not a message for later
  const sent = { method: "POST", body, headers, redirect: "manual" };
  const answer = await fetch(form.action, sent).catch(() => null);
  if (answer?.ok) return;
  list.insertBefore(item, next);
  endsOf(list);
  say("The order could not be kept. Reload the page and try again.");
}

// The first row can't go up, nor the last one down.
function endsOf(list) {
  const rows = [...list.children];
  rows.forEach((row, place) => {
    const up = row.querySelector("[name=up]");
    const down = row.querySelector("[name=down]");
    if (up) up.disabled = place === 0;
    if (down) down.disabled = place === rows.length - 1;
  });
}

// After a move by button the keyboard stays on it, or on its neighbour at an end of the list.
let pressed = "";

document.addEventListener("submit", ({ target, submitter }) => {
  pressed = target.matches("form.order-buttons") ? (submitter?.id ?? "") : "";
});

document.addEventListener("htmx:after:swap", () => {
  document.querySelectorAll("[data-ordered]").forEach(arm);
  const button = pressed && document.getElementById(pressed);
  pressed = "";
  if (!button) return;
  (button.disabled ? button.parentElement.querySelector("button:enabled") : button)?.focus();
});

document.querySelectorAll("[data-ordered]").forEach(arm);
