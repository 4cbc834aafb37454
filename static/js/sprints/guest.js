// The page of a guest says by itself that their link has ended: what was typed stays to be copied,
// and nothing can be sent any more.
const notice = document.getElementById("link-ended");
const GONE = 410;

function end() {
  if (!notice || !notice.hidden) return;
  notice.hidden = false;
  for (const button of document.querySelectorAll("main button")) button.disabled = true;
  // A clock that nobody sets any more and ways that lead nowhere are no part of what stays to read.
  const gone = ".guest-bar [data-seat], .page-actions > *, #ceremony-head";
  document.querySelectorAll(gone).forEach((part) => part.remove());
  notice.scrollIntoView({ block: "nearest" });
}

// The stream is refused for many a reason, such as a server that starts anew: ask for which.
document.addEventListener("live:refused", async () => {
  const head = document.getElementById("ceremony-head");
  if (!head) return; // it was told already
  const answer = await fetch(head.dataset.liveUrl).catch(() => null);
  if (answer?.status === GONE) end();
});

document.addEventListener("htmx:before:response", (event) => {
  if (event.detail.ctx.response.status !== GONE) return;
  event.preventDefault();
  end();
});
