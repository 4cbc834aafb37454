// htmx: a whole error page never lands inside a list; it becomes a message.
import { requestOf, say, withdrawErrors } from "./notices.js";

const ANSWERS = {
  401: "You have been signed out. Sign in again to go on.",
  403: "You may not do this. Reload the page if you have just signed in again.",
  404: "This is not there any more. Reload the page to see what is.",
  413: "This is too large for this installation.",
  429: "That was a lot at once. Wait a moment and try again.",
};

document.addEventListener("htmx:before:response", (event) => {
  const { response } = event.detail.ctx;
  const landed = new URL(response.raw.url);
  if (response.raw.redirected && landed.pathname === document.body.dataset.signIn) {
    event.preventDefault();
    if (landed.searchParams.has("unsaved")) location.assign(landed);
    else location.reload(); // the page itself leads to the sign-in and back
    return;
  }
  const about = requestOf(event.detail.ctx.request);
  withdrawErrors(about);
  if (response.status < 400 || response.headers.get("HX-Retarget")) return;
  const isAnswered = response.status === 422 || response.status === 409;
  if (isAnswered) return;
  event.preventDefault();
  const words = ANSWERS[response.status] || "The server could not do this. Try again in a moment.";
  say(words, "error", { about });
});

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  const about = ctx ? requestOf(ctx.request) : "";
  say("The server can't be reached. Check your connection and try again.", "error", { about });
});
