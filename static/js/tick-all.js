// One box that ticks all boxes of a name, and shows when all or some of them are.

for (const all of document.querySelectorAll("[data-tick-all]")) {
  const boxes = [
    ...all.form.querySelectorAll(`input[type="checkbox"][name="${all.dataset.tickAll}"]`),
  ];
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = boxes.length > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.disabled = boxes.length === 0;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
  });
  for (const box of boxes) box.addEventListener("change", show);
  show();
}
