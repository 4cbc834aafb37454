// Say before the upload starts that a file is larger than this installation takes, or what is
// missing beside it: a form that the server refuses comes back without its file.
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
    const fields = input.files.length ? [...event.target.elements] : [input];
    const wrong = fields.find((field) => field.offsetParent && !field.validity.valid);
    if (!wrong) return;
    event.preventDefault();
    wrong.focus();
    wrong.reportValidity();
  });
}
