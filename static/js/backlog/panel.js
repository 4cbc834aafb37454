// The item slides in over the list or board under its own address: reload it, send it, come back
// from it.
import { surface } from "./surface.js";

const panel = document.getElementById("panel");
const body = document.getElementById("panel-body");
let shown = null; // the ref in the panel
let pushed = false; // whether the list's address is the one before in the history
let home = location.pathname + location.search;

export const isOpen = () => shown !== null;
const addressOf = (ref) => `${surface.host().dataset.items}${ref}/`;

function refOf(path) {
  const base = surface.host().dataset.items;
  const rest = path.startsWith(base) ? path.slice(base.length) : "";
  return /^[A-Z0-9]+-[0-9]+\/$/.test(rest) ? rest.slice(0, -1) : null;
}

/** Show an item; its address is put into the history unless it comes from there. */
export async function openItem(ref, { history: into = "push", focus = true } = {}) {
  const address = addressOf(ref);
  if (into === "push" && !isOpen()) {
    home = location.pathname + location.search;
    history.pushState(null, "", address);
    pushed = true;
  } else if (into === "push") {
    history.replaceState(null, "", address);
  }
  shown = ref;
  panel.hidden = false;
  document.body.classList.add("has-panel");
  panel.querySelector("[data-panel=whole]").href = address;
  body.setAttribute("aria-busy", "true");
  body.inert = true; // what still shows is another item
  await window.htmx.ajax("GET", address, { target: "#panel-body", swap: "innerHTML" });
  if (shown !== ref) return;
  body.removeAttribute("aria-busy");
  body.inert = false;
  body.scrollTop = 0;
  const isLost = document.activeElement === document.body;
  if ((focus && !panel.contains(document.activeElement)) || isLost) {
    body.focus({ preventScroll: true });
  }
}

/** Put the panel away; the keyboard goes back to the row. */
export function closeItem({ history: into = "back" } = {}) {
  if (!isOpen()) return false;
  const ref = shown;
  shown = null;
  panel.hidden = true;
  document.body.classList.remove("has-panel");
  body.replaceChildren();
  if (into === "back" && pushed) history.back();
  else if (into === "back") history.replaceState(null, "", home);
  pushed = false;
  surface.refresh([ref]);
  surface.goBack();
  document.dispatchEvent(new CustomEvent("item:closed", { detail: { ref } }));
  return true;
}

/** The next or previous item of the list, in the panel. */
export async function browse(by) {
  const row = await surface.step(by, { focus: false });
  if (row && row.dataset.ref !== shown) openItem(row.dataset.ref, { focus: false });
}

panel.addEventListener("click", (event) => {
  const button = event.target.closest("[data-panel]");
  if (!button || button.dataset.panel === "whole") return;
  if (button.dataset.panel === "close") closeItem();
  else browse(button.dataset.panel === "next" ? 1 : -1);
});

// Back and forward: the page knows both ends itself.
document.addEventListener("htmx:before:history:restore", (event) => event.preventDefault());

// Chromium takes the focus away a moment after it has gone back in the history.
function keepFocus() {
  surface.goBack();
  const refocus = ({ relatedTarget }) => relatedTarget || setTimeout(() => surface.goBack());
  const signal = AbortSignal.timeout(1000);
  document.addEventListener("focusout", refocus, { once: true, signal });
}

window.addEventListener("popstate", () => {
  const ref = refOf(location.pathname);
  if (ref) {
    openItem(ref, { history: "none" });
    return;
  }
  closeItem({ history: "none" });
  keepFocus();
  const here = location.pathname + location.search;
  if (here === home || location.pathname !== surface.host().dataset.page) return;
  home = here;
  surface.bring(here);
});

document.addEventListener("htmx:after:history:push", ({ detail }) => (home = detail.path));
document.addEventListener("htmx:after:history:replace", ({ detail }) => (home = detail.path));

// A deed in the panel shows in the list, and one elsewhere shows in the panel.
document.addEventListener("items:changed", ({ detail }) => {
  if (!isOpen() || detail.by === "item" || detail.by === "live") return; // item.js follows others
  if (detail.refs?.length && !detail.refs.includes(shown)) return;
  if (panel.querySelector("form :focus")) return; // somebody writes; what is sent is merged
  openItem(shown, { history: "none", focus: false });
});
