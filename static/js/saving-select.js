// Selects that save what is chosen (data-saves): at once by pointer; by keyboard with Enter or on
// leaving, so that arrow keys pass over what lies between.
const state = new WeakMap();
const of = (select) => state.get(select) || {};

function watched(event) {
  const select = event.target.closest?.("select[data-saves]");
  return select && !select.disabled ? select : null;
}

function save(select) {
  state.delete(select);
  select.form.requestSubmit();
}

document.addEventListener("keydown", (event) => {
  const select = watched(event);
  if (select) state.set(select, { ...of(select), byKey: true });
});

document.addEventListener("pointerdown", (event) => {
  const select = watched(event);
  if (select) state.set(select, { ...of(select), byKey: false });
});

document.addEventListener("change", (event) => {
  const select = watched(event);
  if (!select) return;
  if (of(select).byKey) state.set(select, { byKey: true, waits: true });
  else save(select);
});

document.addEventListener("keyup", (event) => {
  const select = watched(event);
  if (select && event.key === "Enter" && of(select).waits) save(select);
});

document.addEventListener("focusout", (event) => {
  const select = watched(event);
  if (select && of(select).waits) save(select);
});
