// The bell: whoever opens an item, on its page or in the panel beside a list, has seen its news.
const bell = document.querySelector("[data-bell]");
const seen = new Set();

function shownRef() {
  const item = document.querySelector("[data-item][data-ref]");
  return item?.dataset.ref || location.pathname.match(/^\/p\/[^/]+\/items\/([^/]+-\d+)\/$/)?.[1];
}

async function look() {
  const ref = shownRef();
  if (!ref || seen.has(ref) || !bell?.dataset.unread) return;
  seen.add(ref);
  const csrf = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  const answer = await fetch(bell.dataset.bell, {
    method: "POST",
    body: new URLSearchParams({ ref }),
    headers: { ...csrf, Accept: "application/json" },
  }).catch(() => null); // the news stay unread, and can be read again
  if (answer?.ok) show(await answer.json());
}

function show({ unread, words }) {
  const count = bell.querySelector(".bell-count");
  count.hidden = unread === 0;
  count.textContent = unread > 99 ? "99+" : unread;
  bell.dataset.unread = unread || "";
  bell.setAttribute("aria-label", words);
  bell.title = words;
}

/** Somebody may have done what the person is told of. */
async function ask() {
  const answer = await fetch(bell.getAttribute("href"), {
    headers: { Accept: "application/json" },
  }).catch(() => null);
  if (answer?.ok && !answer.redirected) show(await answer.json());
}

if (bell) {
  document.addEventListener("live:bell", ask);
  document.addEventListener("htmx:after:swap", look);
  look();
}
