// After a move or a taking by button the keyboard goes on where it was: at the menu of the row that
// moved, at the same button of the next row of the inbox.
let wanted = null;

document.addEventListener("submit", ({ target, submitter }) => {
  wanted = null;
  if (target.id === "moves" && submitter) wanted = [menuOf(submitter.value)];
  if (target.id !== "takes" || !submitter) return;
  const row = submitter.closest("[data-ref]");
  const beside = [row?.nextElementSibling, row?.previousElementSibling];
  wanted = beside
    .filter((other) => other?.dataset.ref)
    .map(({ dataset }) => `[form="takes"][name="${submitter.name}"][value="${dataset.ref}"]`);
  if (row) wanted.push(`[data-ref="${row.dataset.ref}"] .row-link`);
  else wanted.push("#backlog-rows .row-link");
});

const menuOf = (ref) => `[data-ref="${ref}"] .menu > summary`;

document.addEventListener("htmx:after:swap", () => {
  if (!wanted) return;
  const target = wanted.map((selector) => document.querySelector(selector)).find(Boolean);
  wanted = null;
  target?.focus();
});
