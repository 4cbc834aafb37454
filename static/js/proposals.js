// Forms that propose: a choice in one of the fields that `data-proposes` names brings the server's
// proposals for the others, as long as nobody has typed their own.
import { get } from "./backlog/send.js";

const chosenAtFirst = (select) => [...select.options].find((option) => option.defaultSelected)?.value;
const proposal = (field) =>
  (field.matches("select") ? chosenAtFirst(field) : field.defaultValue) ?? "";
const isOwn = (field) => field.value !== proposal(field);

function put(field, value) {
  field.value = value;
  if (!field.matches("select")) field.defaultValue = value;
  else for (const option of field.options) option.defaultSelected = option.value === value;
}

/** What the page is asked for anew: what was in its address, and what was chosen since. */
function asked(fields) {
  const chosen = fields.filter((field) => field.matches("select") && isOwn(field));
  const query = new URLSearchParams(location.search);
  chosen.forEach(({ name, value }) => query.set(name, value));
  return String(query);
}

async function propose(form) {
  const fields = form.dataset.proposes.split(" ").map((name) => form.elements[name]);
  const query = asked(fields);
  const response = await get(`${location.pathname}?${query}`);
  if (!response) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const anew = page.querySelector("form[data-proposes]");
  if (!anew || query !== asked(fields)) return; // somebody chose again meanwhile
  for (const field of fields) {
    if (!isOwn(field)) put(field, anew.elements[field.name].value);
  }
}

document.addEventListener("change", ({ target }) => {
  const form = target.closest("form[data-proposes]");
  if (form && target.matches("select")) propose(form);
});
