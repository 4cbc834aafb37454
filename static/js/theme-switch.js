// The theme: at once here, and kept by the server.
import { say } from "./notices.js";

document.addEventListener("submit", async (event) => {
  const form = event.target.closest?.("[data-theme-switch]");
  const choice = event.submitter?.value;
  if (!form || !choice) return;
  event.preventDefault();
  document.documentElement.dataset.themeChoice = choice;
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const kept = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(
    () => null,
  );
  if (!kept) say("The theme could not be kept: the server can't be reached.", "warning");
});
