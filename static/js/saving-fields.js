// Fields that save by themselves (data-saves). A select saves at once what is picked from the open
// list; by arrow keys and letters it saves with Enter or on leaving, so that they pass over what
// lies between.
const stepped = new WeakSet(); // the last key changes the value without opening the list
const waiting = new WeakSet(); // changed, and not saved yet

function watched(event) {
  const select = event.target.closest?.("select[data-saves]");
  return select && !select.disabled ? select : null;
}

function save(select) {
  waiting.delete(select);
  select.form.requestSubmit();
}

function steps({ key, altKey }) {
  if (altKey) return false;
  return /^(Arrow|Page|Home|End)/.test(key) || (key.length === 1 && key !== " ");
}

document.addEventListener("keydown", (event) => {
  const select = watched(event);
  if (!select) return;
  if (steps(event)) stepped.add(select);
  else stepped.delete(select);
  if (event.key !== "Enter" || !waiting.has(select)) return;
  event.preventDefault();
  save(select);
});

document.addEventListener("pointerdown", (event) => {
  const select = watched(event);
  if (select) stepped.delete(select);
});

document.addEventListener("change", (event) => {
  const select = watched(event);
  if (!select) return;
  if (stepped.has(select)) waiting.add(select);
  else save(select);
});

// Text fields are saved with Enter by themselves, and here on leaving.
document.addEventListener("focusout", ({ target }) => {
  if (target.matches?.("input[data-saves]") && target.value !== target.defaultValue) {
    target.form.requestSubmit();
  }
});

document.addEventListener("focusout", (event) => {
  const select = watched(event);
  if (select && waiting.has(select)) save(select);
});
