// Whoever has the page of a ceremony open says so, so that those who closed theirs are not waited
// for. Tabs in the background are held to a word a minute; the server waits a little longer.
const EVERY_MS = 20_000;
const REFUSED = new Set([403, 404, 410]);
const address = document.querySelector("[data-stays]")?.dataset.stays;

async function stay() {
  const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  const body = new URLSearchParams({ deed: "stay" });
  const answer = await fetch(address, { method: "POST", headers, body }).catch(() => null);
  if (REFUSED.has(answer?.status)) clearInterval(staying);
}

const staying = address ? setInterval(stay, EVERY_MS) : 0;
if (address) stay();
