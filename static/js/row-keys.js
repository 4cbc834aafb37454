// Keys of plain lists of rows: j and k go from link to link, x ticks the row, Shift-x all between.
import { isWriting } from "./app.js";

const lists = () => [...document.querySelectorAll("[data-row-keys] [data-row]")];
let last = null;

const linkOf = (row) => row.querySelector("a");
const boxOf = (row) => row.querySelector("input[type=checkbox]");

function step(rows, at, by) {
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  if (!next) return;
  linkOf(next).focus();
  next.scrollIntoView({ block: "nearest" });
}

function tick(rows, at, extending) {
  const from = extending && last !== null ? last : at;
  const wanted = extending ? true : !boxOf(rows[at])?.checked;
  for (const row of rows.slice(Math.min(from, at), Math.max(from, at) + 1)) {
    const box = boxOf(row);
    if (!box || box.checked === wanted) continue;
    box.checked = wanted;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }
  last = at;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  // Nobody writes into the box of a row: x and j go on from it.
  const isBox = event.target.matches?.("[data-row] input[type=checkbox]");
  if (isWriting(isBox ? event.target.closest("[data-row]") : event.target)) return;
  const rows = lists();
  const at = rows.indexOf(event.target.closest?.("[data-row]"));
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") step(rows, at, key === "j" ? 1 : -1);
  else if (key === "x" && at >= 0) tick(rows, at, event.shiftKey);
});
