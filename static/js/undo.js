// Undo: the button in messages and Ctrl/Cmd-Z take back what the person did last in this product.
// Lists and panels that listen refresh themselves; other pages load again with the message.
import { isWriting, say, withdrawUndo } from "./app.js";

const form = document.getElementById("undo");
const FOLLOWING = "[data-item], #lists, [data-follows-items]";
let busy = false;

async function undo() {
  if (busy) return;
  busy = true;
  try {
    const body = new URLSearchParams(new FormData(form));
    const inherited = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
    const headers = { Accept: "application/json", ...inherited };
    const answer = await fetch(form.action, { method: "POST", body, headers });
    if (answer.redirected) {
      location.reload(); // signed out meanwhile: the page itself leads to the sign-in and back
      return;
    }
    const { said, refs, moved } = await answer.json();
    say(said, answer.ok ? "info" : "warning");
    if (!answer.ok) return;
    withdrawUndo();
    const detail = { refs, moved };
    document.dispatchEvent(new CustomEvent("items:changed", { detail }));
  } catch {
    say("This could not be undone: the server can't be reached. Try again in a moment.");
  } finally {
    busy = false;
  }
}

function start() {
  if (document.querySelector(FOLLOWING)) {
    undo();
  } else {
    form.elements.next.value = location.pathname + location.search + location.hash;
    form.submit();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-undo]:not([formaction])"); // not in another product
  if (!button) return;
  event.preventDefault();
  button.closest("[data-notice]")?.remove();
  start();
});

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
  if (event.key.toLowerCase() !== "z" || event.repeat || isWriting(event.target)) return;
  event.preventDefault();
  start();
});
