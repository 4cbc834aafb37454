// What others do shows for guests too, who have no stream of the product: they ask every second what
// happened in their ceremony, and parts that follow it (data-live, as in live.js) are brought anew.
const EVERY_MS = 1000;
const WRITING = "input:not([type=submit], [type=button]), textarea, select";
const OPEN = "details.menu[open], dialog[open], .sortable-chosen";
const { pulse } = document.body.dataset;
let after = Number(document.body.dataset.seq || 0);
const waiting = new Set();

const words = (text) => (text ?? "").split(/\s+/).filter(Boolean);

function concerns(part, { kind, ids }) {
  if (!words(part.dataset.live).some((prefix) => kind.startsWith(prefix))) return false;
  const wanted = words(part.dataset.liveId);
  return !wanted.length || wanted.some((one) => {
    const [name, id] = one.split(":");
    return String(ids[name]) === id;
  });
}

function isBusy(part) {
  const held = part.contains(document.activeElement) && document.activeElement;
  return Boolean(held && held.matches(WRITING)) || part.querySelector(OPEN) !== null;
}

async function bring() {
  for (const id of [...waiting]) {
    const part = document.getElementById(id);
    if (part && isBusy(part)) continue;
    waiting.delete(id);
    if (!part) continue;
    const selector = `#${CSS.escape(id)}`;
    const url = part.dataset.liveUrl || location.pathname;
    const how = { target: selector, select: selector, swap: "outerMorph" };
    await window.htmx.ajax("GET", url, how);
  }
}

async function look() {
  if (!document.hidden) {
    const answer = await fetch(`${pulse}?after=${after}`, { redirect: "manual" }).catch(() => null);
    if (answer?.type === "opaqueredirect" || answer?.status === 404) {
      location.reload(); // the link has ended
      return;
    }
    if (answer?.ok) {
      const { seq, deeds } = await answer.json();
      after = seq;
      for (const deed of deeds) {
        for (const part of document.querySelectorAll("[data-live]")) {
          if (concerns(part, deed)) waiting.add(part.id);
        }
      }
      await bring();
    }
  }
  setTimeout(look, EVERY_MS);
}

if (pulse) look();
