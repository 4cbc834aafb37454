// Buttons that copy what stands beside them: data-copies names its id.
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = !navigator.clipboard; // a page without TLS may not
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.lastChild.textContent = "Copied";
  });
}
