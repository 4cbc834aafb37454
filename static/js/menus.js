// Menus are <details>; a click elsewhere or Escape closes them.
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held) menu.querySelector("summary").focus();
  }
});

// Low on the page a menu opens upwards, as far as the top bar; the line that adds items stays in
// front of what is below. Where there is room for it on neither side, the page comes along.
function openWithinSight(menu) {
  menu.classList.remove("opens-up");
  const panel = menu.open && menu.querySelector(":scope > .menu-panel");
  if (!panel) return;
  const foot = document.querySelector("form.quick-add")?.getBoundingClientRect().top;
  const end = Math.min(window.innerHeight, foot || window.innerHeight);
  if (panel.getBoundingClientRect().bottom <= end) return;
  const bar = document.querySelector(".topbar");
  const start = bar && !bar.contains(menu) ? bar.getBoundingClientRect().bottom : 0;
  const room = menu.getBoundingClientRect().top - panel.offsetHeight - start;
  if (room > 0) menu.classList.add("opens-up");
  else panel.scrollIntoView({ block: "nearest" });
}

document.addEventListener(
  "toggle",
  ({ target }) => target.matches("details.menu") && openWithinSight(target),
  true,
);

// The tab of this page is in sight, however narrow the screen.
document
  .querySelector(".tabs [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center" });
