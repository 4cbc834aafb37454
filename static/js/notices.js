// Messages: each can be dismissed; good news goes by itself, and a refusal with the next answer to
// what was refused. None stands there twice.
const STAYS_MS = 8000;
const MOST_PASSING = 3;
const toasts = document.getElementById("toasts");

function prepare(notice) {
  if (notice.dataset.ready || !notice.isConnected) return;
  notice.dataset.ready = "yes";
  withdrawEqual(notice);
  if (notice.querySelector("[data-undo]")) withdrawUndo(notice);
  const button = notice.querySelector("[data-dismiss]");
  if (button) button.hidden = false;
  if (passes(notice)) setTimeout(() => leave(notice), STAYS_MS);
  const passing = [...toasts.querySelectorAll("[data-notice]")].filter(passes);
  passing.slice(0, -MOST_PASSING).forEach((older) => older.remove());
}

function withdrawEqual(notice) {
  const same = (other) =>
    other !== notice && other.className === notice.className && wordsOf(other) === wordsOf(notice);
  [...toasts.querySelectorAll("[data-notice]")].filter(same).forEach((older) => older.remove());
}

const wordsOf = (notice) => notice.querySelector("p")?.textContent.trim();
const passes = (notice) => !notice.matches(".notice-error");

/**
 * An Undo takes back what the person did last, so only the message of the last deed may offer it:
 * take the button from all others.
 */
export function withdrawUndo(newest = null) {
  for (const button of toasts?.querySelectorAll("[data-undo]") ?? []) {
    if (!newest?.contains(button)) button.remove();
  }
}

/** What a message of a request is about, as the server writes it into those of a POST. */
export const requestOf = ({ method, action }) =>
  `${method} ${new URL(action, document.baseURI).pathname}`;

/** The server has answered this anew: what it refused before is said no more. */
export function withdrawErrors(about) {
  for (const notice of toasts?.querySelectorAll(".notice-error") ?? []) {
    if (notice.dataset.about === about) notice.remove();
  }
}

function leave(notice) {
  if (notice.matches(":hover, :focus-within")) setTimeout(() => leave(notice), STAYS_MS);
  else notice.remove();
}

if (toasts) {
  toasts.querySelectorAll("[data-notice]").forEach(prepare);
  new MutationObserver(() => toasts.querySelectorAll("[data-notice]").forEach(prepare)).observe(
    toasts,
    { childList: true },
  );
}

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-dismiss]")?.closest("[data-notice]")?.remove();
});

/**
 * Show a sentence as a message; `kind` is success, info, warning or error. `undoable` adds the
 * button that takes back the person's last deed in this product; `about` is by what
 * `withdrawErrors` knows it.
 */
export function say(sentence, kind = "error", { undoable = false, about = "" } = {}) {
  if (!toasts) return;
  const notice = document.createElement("div");
  notice.className = `notice notice-${kind}`;
  notice.dataset.notice = undoable ? "undoable" : "";
  notice.dataset.about = about;
  const text = document.createElement("p");
  text.textContent = sentence;
  notice.append(text);
  if (undoable) notice.append(undoButton());
  notice.append(dismissButton());
  toasts.append(notice);
}

function dismissButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button";
  button.dataset.dismiss = "";
  button.setAttribute("aria-label", "Dismiss");
  button.textContent = "×";
  return button;
}

function undoButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm";
  button.dataset.undo = "";
  button.textContent = "Undo";
  return button;
}
