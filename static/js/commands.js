// What can be done on this page by key or by name: elements with data-key or data-command.

/** The elements that answer to these keys, what the page holds before what the shell does. */
function candidates(keys) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(keys)}"]`)];
  const usable = found.filter((element) => !element.disabled && !element.closest("[hidden]"));
  return usable.sort((one, other) => rank(one) - rank(other));
}

const rank = (element) =>
  (element.checkVisibility() ? 0 : 2) + (element.closest("main, #panel") ? 0 : 1);

/** The one element that these keys press now, if any. */
export const pressedBy = (keys) => candidates(keys)[0];

/** All keys of the page in its order, each with the element that it presses. */
export function heldKeys() {
  const keys = [...document.querySelectorAll("[data-key]")].map(({ dataset }) => dataset.key);
  return [...new Set(keys)].map((key) => [key, pressedBy(key)]).filter(([, element]) => element);
}

/** All that can be called by name, each once, in the order of the page. */
export function commands() {
  const found = document.querySelectorAll("main :is([data-key], [data-command])");
  const shell = document.querySelectorAll("[data-key], [data-command]");
  return [...new Set([...found, ...shell])].filter(
    (element) =>
      !element.disabled && !element.closest("[hidden], #rooms, [data-palette], dialog"),
  );
}

/** Press it, or go to it where it is a field. */
export function use(element) {
  if (element.matches("input:not([type=checkbox], [type=radio]), textarea, select")) {
    element.focus();
    if (element.matches("input")) element.select();
  } else {
    element.click();
    if (element.matches("summary")) element.focus(); // the keyboard goes on in what it opens
  }
}

/** What people call it. */
export function nameOf(element) {
  const { command, keyName } = element.dataset;
  const given = command || keyName || element.getAttribute("aria-label");
  const label = element.labels?.[0]?.textContent;
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, .room-badge, .bell-count").forEach((part) => part.remove());
  return (given || label || copy.textContent).trim().replace(/\s+/g, " ");
}
