// Say before the upload starts that a file is larger than this installation takes.
const MEGABYTE = 1024 * 1024;

for (const input of document.querySelectorAll("input[type=file][data-limit-mb]")) {
  const limit = Number(input.dataset.limitMb);
  input.addEventListener("change", () => {
    const file = input.files[0];
    const isTooLarge = Boolean(file) && file.size > limit * MEGABYTE;
    input.setCustomValidity(isTooLarge ? `This file is larger than ${limit} MB.` : "");
    input.reportValidity();
  });
  input.form?.addEventListener("submit", (event) => {
    if (input.reportValidity()) return;
    event.preventDefault();
    input.focus();
  });
}
