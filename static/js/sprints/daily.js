// The daily: a form that somebody writes in is not redrawn by what others say.
const KEPT = "hx-morph-skip";
const formOf = (element) => element?.closest?.("form.daily-own");

document.addEventListener("input", ({ target }) => formOf(target)?.setAttribute(KEPT, ""));

// What was saved is drawn as it was saved; what was refused stays as it is.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  if (ctx.response?.status < 400) formOf(ctx.sourceElement)?.removeAttribute(KEPT);
});
