// What somebody typed and could not send, because they were signed out meanwhile. Each form that is
// sent is kept in this tab until the next page; the page that says that nothing was saved puts it
// back. Passwords and files are never kept.
const KEY = "draft";
const CSRF = "csrfmiddlewaretoken";
const place = location.pathname + location.search;
const { person } = document.body.dataset;
const notice = document.querySelector('[data-notice="unsaved"]');

function mayKeep(form) {
  if (form.closest("[data-item]")) return false; // item-draft.js keeps those, for longer
  if (form.method !== "post" || form.querySelector("[type=password], [type=file]")) return false;
  return form.querySelector("textarea, [type=text], [type=email], [type=number]") !== null;
}

function taken() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (kept?.place === place) sessionStorage.removeItem(KEY);
    return kept;
  } catch {
    return null; // storage is forbidden here
  }
}

function keep(form) {
  const index = [...document.forms].indexOf(form);
  const fields = [...new FormData(form)].filter(([name]) => name !== CSRF);
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ person, place, index, fields }));
  } catch {
    // forbidden, or too long for it
  }
}

function putBack(form, fields) {
  for (const field of form.elements) {
    if (!field.name || field.name === CSRF || field.type === "submit") continue;
    const sent = fields.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.matches("[type=checkbox], [type=radio]")) field.checked = sent.includes(field.value);
    else if (sent.length) [field.value] = sent;
  }
  const menu = form.closest("details");
  if (menu) menu.open = true;
  form.querySelector("textarea, [type=text], [type=email], [type=number]").focus();
  notice.querySelector("p").textContent =
    "You were signed out; nothing was saved. What you typed is back: send it again.";
}

const kept = taken();
if (notice && kept?.place === place && kept.person === person) {
  const form = document.forms[kept.index];
  if (form && mayKeep(form)) putBack(form, kept.fields);
}

document.addEventListener("submit", ({ target }) => {
  if (mayKeep(target)) keep(target);
});
