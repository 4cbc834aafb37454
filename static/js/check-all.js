// A box in the head of a table ticks all boxes of its form with one name, hidden rows left out.
function boxes(head) {
  const named = head.form.querySelectorAll(`input[name="${head.dataset.checkAll}"]`);
  return [...named].filter((box) => box.checkVisibility());
}

function follow(head) {
  const ticked = boxes(head).filter((box) => box.checked).length;
  head.hidden = boxes(head).length === 0;
  head.checked = ticked > 0 && ticked === boxes(head).length;
  head.indeterminate = ticked > 0 && !head.checked;
}

const followAll = () => document.querySelectorAll("input[data-check-all]").forEach(follow);

document.addEventListener("change", (event) => {
  const head = event.target.closest("input[data-check-all]");
  if (head) boxes(head).forEach((box) => (box.checked = head.checked));
  followAll();
});
document.addEventListener("htmx:after:swap", followAll);
followAll();
