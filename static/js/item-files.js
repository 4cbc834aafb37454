// Files are sent as soon as they are chosen, or dropped on their list; one that is too large is
// refused here, before it travels.
import { say } from "./app.js";

const MEGABYTE = 1024 * 1024;
const zoneOf = (target) => target?.closest?.("#item [data-drop]") ?? null;
const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function send(input) {
  const limit = Number(input.dataset.limitMb);
  const tooLarge = [...input.files].find((file) => file.size > limit * MEGABYTE);
  if (tooLarge) {
    say(`${tooLarge.name} is larger than ${limit} MB; link to it instead.`);
    input.value = "";
  } else if (input.files.length) input.form.requestSubmit();
}

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("#item [data-upload] [type=file]")) send(target);
});

document.addEventListener("dragover", (event) => {
  const zone = zoneOf(event.target);
  if (!zone || !holdsFiles(event)) return;
  event.preventDefault();
  zone.classList.add("is-over");
});

document.addEventListener("dragleave", ({ target, relatedTarget }) => {
  const zone = zoneOf(target);
  if (zone && !zone.contains(relatedTarget)) zone.classList.remove("is-over");
});

document.addEventListener("drop", (event) => {
  const zone = zoneOf(event.target);
  if (!zone || !holdsFiles(event)) return;
  event.preventDefault();
  zone.classList.remove("is-over");
  const input = zone.querySelector("[data-upload] [type=file]");
  input.files = event.dataTransfer.files;
  send(input);
});

// After it has come back the field is empty again.
document.addEventListener("item:shown", ({ detail }) => {
  if (!detail.ok) return;
  document.querySelectorAll("#item [data-upload]").forEach((form) => form.reset());
});
