// Lists that people order by dragging. The server is told beside which item the row now stands,
// never a number; what it refuses goes back to where it was. The row's menu does the same.
import Sortable from "../vendor/sortable.esm.js";

const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const touch = window.matchMedia("(pointer: coarse)");

function arm(list) {
  if (Sortable.get(list)) return;
  let next = null;
  Sortable.create(list, {
    group: { name: "items", put: list.dataset.sortable === "backlog" ? ["items"] : false },
    sort: list.dataset.sortable === "backlog",
    draggable: "[data-ref]",
    handle: touch.matches ? ".grip" : undefined, // elsewhere a finger scrolls
    filter: "details, button",
    preventOnFilter: false,
    animation: still.matches ? 0 : 150,
    onStart: ({ item }) => {
      next = item.nextElementSibling;
    },
    onEnd: ({ item, from, to }) => {
      if (from === to && item.nextElementSibling === next) return;
      send(item, from, to, next);
    },
  });
}

function send(item, from, to, next) {
  const form = document.getElementById(from.dataset.form);
  const values = { ref: item.dataset.ref, ...besideOf(item) };
  if (from === to) values.quiet = "1";
  const settle = ({ detail: { ctx } }) => {
    if (ctx.values !== values) return;
    document.removeEventListener("htmx:finally:request", settle);
    const refused = !ctx.response || ctx.response.status >= 400;
    if (refused) from.insertBefore(item, next?.parentNode === from ? next : null);
  };
  document.addEventListener("htmx:finally:request", settle);
  window.htmx.ajax("POST", form.action, {
    source: form,
    target: "#lists",
    swap: "outerMorph",
    values,
  });
}

function besideOf(item) {
  const before = item.previousElementSibling?.dataset.ref;
  const after = item.nextElementSibling?.dataset.ref;
  if (before) return { after: before };
  return after ? { before: after } : { to: "top" };
}

function armAll() {
  document.querySelectorAll("[data-sortable]").forEach(arm);
}

document.addEventListener("htmx:after:swap", armAll);
armAll();
