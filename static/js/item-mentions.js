// After an @ in a text the members whose names fit are offered; arrows choose, Enter or Tab takes.
const MOST = 8;
const BEFORE_CARET = /(?:^|[\s(\[{,;:>])@([\p{L}\p{N}._+-]*)$/u;
let list = null;
let field = null;
let at = 0;

function people() {
  try {
    return JSON.parse(document.getElementById("item-mentions").textContent);
  } catch {
    return [];
  }
}

function wantedIn(textarea) {
  const { selectionStart, selectionEnd, value } = textarea;
  if (selectionStart !== selectionEnd) return null;
  return value.slice(0, selectionStart).match(BEFORE_CARET)?.[1].toLowerCase() ?? null;
}

function fitting(wanted) {
  return people()
    .filter(({ handle, name }) =>
      [handle, ...name.toLowerCase().split(/\s+/)].some((word) => word.startsWith(wanted)),
    )
    .slice(0, MOST);
}

function hide() {
  list?.remove();
  list = null;
  field?.removeAttribute("aria-activedescendant");
  field?.removeAttribute("aria-controls");
  field = null;
}

function show(textarea, found) {
  hide();
  field = textarea;
  list = document.createElement("ul");
  list.className = "mention-list";
  list.id = "mention-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Members to mention");
  found.forEach(({ handle, name }, place) => {
    const row = document.createElement("li");
    row.id = `mention-${place}`;
    row.setAttribute("role", "option");
    row.dataset.handle = handle;
    const who = document.createElement("span");
    who.textContent = name;
    const how = document.createElement("span");
    how.className = "muted";
    how.textContent = `@${handle}`;
    row.append(who, how);
    list.append(row);
  });
  document.body.append(list);
  place(textarea);
  field.setAttribute("aria-controls", list.id);
  choose(0);
}

function place(textarea) {
  const box = textarea.getBoundingClientRect();
  const below = window.innerHeight - box.bottom;
  const top = below > list.offsetHeight + 8 ? box.bottom + 4 : Math.max(8, box.top - list.offsetHeight - 4);
  list.style.top = `${top}px`;
  list.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - list.offsetWidth - 8))}px`;
}

function choose(next) {
  const rows = [...list.children];
  at = (next + rows.length) % rows.length;
  rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
  rows[at].scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", rows[at].id);
}

function take(row) {
  const { selectionStart, value } = field;
  const start = value.slice(0, selectionStart).lastIndexOf("@");
  field.setRangeText(`@${row.dataset.handle} `, start, selectionStart, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  hide();
}

document.addEventListener("input", ({ target }) => {
  if (!target.matches?.("#item textarea[data-mentions]")) return;
  const wanted = wantedIn(target);
  const found = wanted === null ? [] : fitting(wanted);
  if (found.length) show(target, found);
  else hide();
});

document.addEventListener(
  "keydown",
  (event) => {
    if (!list || event.target !== field || event.isComposing) return;
    const deeds = {
      ArrowDown: () => choose(at + 1),
      ArrowUp: () => choose(at - 1),
      Enter: () => take(list.children[at]),
      Tab: () => take(list.children[at]),
      Escape: hide,
    };
    if (!deeds[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    deeds[event.key]();
  },
  true,
);

document.addEventListener("pointerdown", (event) => {
  const row = list && event.target.closest?.(".mention-list > li");
  if (row) {
    event.preventDefault(); // the text keeps the focus
    take(row);
  } else hide();
});

document.addEventListener("focusout", ({ target }) => target === field && hide());
