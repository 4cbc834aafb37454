// One little window for all that is chosen or typed for a cell: it opens beside the cell, and gives
// the keyboard back when it closes.
let open = null;

const still = (event) => event.preventDefault();

/** Open a window beside an element; `fill(body, close)` puts something in. */
function show(beside, title, fill, { onClose } = {}) {
  close();
  const box = document.createElement("div");
  box.className = "editor";
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-label", title);
  const held = document.activeElement;
  open = { box, held, beside, onClose };
  document.body.append(box);
  fill(box);
  place(box, beside);
  (box.querySelector("[data-first]") || box.querySelector("input, button")).focus();
}

export function close({ refocus = true } = {}) {
  if (!open) return false;
  const { box, held, onClose } = open;
  const had = box.contains(document.activeElement) || document.activeElement === document.body;
  open = null;
  box.remove();
  onClose?.();
  const back = held?.isConnected && held !== document.body ? held : null;
  const row = document.querySelector(":is(#backlog, #board) .is-cursor .row-link"); // drawn anew meanwhile
  if (refocus && had) (back ?? row)?.focus({ preventScroll: true });
  return true;
}

export const isOpen = () => open !== null;

function place(box, beside) {
  if (window.innerWidth < 576) return; // the style sheet lays it at the foot of the screen
  const at = beside?.isConnected ? beside.getBoundingClientRect() : null;
  const { offsetWidth: width, offsetHeight: height } = box;
  const middle = { left: (window.innerWidth - width) / 2, top: (window.innerHeight - height) / 3 };
  let { left, top } = middle;
  if (at && at.width) {
    left = Math.min(at.left, window.innerWidth - width - 12);
    top = at.bottom + 4;
    if (top + height > window.innerHeight - 8) top = Math.max(8, at.top - height - 4);
  }
  box.style.left = `${Math.max(12, left)}px`;
  box.style.top = `${top}px`;
}

document.addEventListener("pointerdown", ({ target }) => {
  if (open && !open.box.contains(target)) close({ refocus: false });
});

document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !open) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  },
  true,
);

document.addEventListener("focusout", () => {
  // Tab past the end closes, so that no window stays behind.
  setTimeout(() => {
    if (!open || !document.hasFocus() || document.activeElement === document.body) return;
    if (!open.box.contains(document.activeElement)) close({ refocus: false });
  });
});

/** Choose from a list by typing a part of a word. `offered` are {value, label, hint, state}, or a
 *  promise of them, null for none; with `many` a choice leaves the window open and `pick` returns
 *  the option's new state; with `make` a word that is not there yet can be chosen as well. */
export function choose(beside, title, offered, { many = false, make, pick }) {
  show(beside, title, (box) => {
    let options = Array.isArray(offered) ? offered : [];
    const input = document.createElement("input");
    const list = document.createElement("ul");
    input.type = "text";
    input.className = "editor-filter";
    input.placeholder = title;
    input.dataset.first = "";
    list.id = "editor-options";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", title);
    if (many) list.setAttribute("aria-multiselectable", "true");
    for (const [name, value] of [
      ["role", "combobox"],
      ["aria-label", title],
      ["aria-expanded", "true"],
      ["aria-controls", list.id],
      ["aria-autocomplete", "list"],
      ["autocomplete", "off"],
    ]) {
      input.setAttribute(name, value);
    }
    let shown = [];
    let at = 0;

    const draw = () => {
      const typed = input.value.trim().toLowerCase();
      const fits = ({ label, hint = "" }) =>
        `${label} ${hint}`.toLowerCase().split(/\s+/).some((word) => word.startsWith(typed)) ||
        label.toLowerCase().includes(typed);
      shown = options.filter(fits);
      if (make && typed && !options.some(({ label }) => label.toLowerCase() === typed)) {
        const made = make(input.value.trim());
        if (made) shown.push(made);
      }
      at = Math.min(at, Math.max(0, shown.length - 1));
      list.replaceChildren(...shown.map(line));
      mark();
    };
    const line = (option, index) => {
      const item = document.createElement("li");
      item.id = `editor-option-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(option.state === "all"));
      if (option.state === "some") item.dataset.some = "";
      if (option.hue) item.dataset.hue = option.hue;
      const label = document.createElement("span");
      label.textContent = option.label;
      item.append(label);
      if (option.hint) {
        const hint = document.createElement("span");
        hint.className = "muted";
        hint.textContent = option.hint;
        item.append(hint);
      }
      if (option.key) {
        const key = document.createElement("kbd");
        key.textContent = option.key;
        item.append(key);
      }
      item.addEventListener("pointerdown", still);
      item.addEventListener("click", () => take(option));
      item.addEventListener("pointermove", () => {
        at = index;
        mark();
      });
      return item;
    };
    const mark = () => {
      [...list.children].forEach((item, index) => item.classList.toggle("is-at", index === at));
      const here = list.children[at];
      if (here) input.setAttribute("aria-activedescendant", here.id);
      else input.removeAttribute("aria-activedescendant");
      here?.scrollIntoView({ block: "nearest" });
    };
    const take = (option) => {
      if (!many) {
        close();
        pick(option);
        return;
      }
      if (!options.includes(option)) options.push(option);
      option.state = pick(option);
      input.value = "";
      draw();
    };
    input.addEventListener("input", () => {
      at = 0;
      draw();
    });
    input.addEventListener("keydown", (event) => {
      const steps = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in steps && shown.length) {
        event.preventDefault();
        at = (at + steps[event.key] + shown.length) % shown.length;
        mark();
      } else if (event.key === "Enter" && shown[at]) {
        event.preventDefault();
        take(shown[at]);
      }
    });
    const begin = () => {
      at = Math.max(0, options.findIndex(({ state }) => state === "all"));
      draw();
    };
    box.append(input, list);
    begin();
    if (options === offered) return;
    list.setAttribute("aria-busy", "true");
    offered.then((found) => {
      if (!box.isConnected) return;
      list.removeAttribute("aria-busy");
      if (!found) return close();
      options = found;
      begin();
      return place(box, beside);
    });
  });
}

/** Type a value: `field` describes the input, `hints` are values to press; Enter saves. A `problem`
 *  says why it did not. Enter on what stands there already only closes. */
export function type(beside, title, field, { hints = [], problem = "", save }) {
  show(beside, title, (box) => {
    const form = document.createElement("form");
    const label = document.createElement("label");
    const input = document.createElement("input");
    label.className = "form-label";
    label.textContent = title;
    label.htmlFor = input.id = "editor-input";
    input.className = "form-control";
    input.dataset.first = "";
    Object.assign(input, field);
    const foot = document.createElement("div");
    foot.className = "editor-hints";
    const done = (value) => {
      close();
      save(value);
    };
    for (const hint of hints) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "chip";
      button.textContent = hint.label ?? hint;
      button.addEventListener("click", () => done(String(hint.value ?? hint)));
      foot.append(button);
    }
    const button = document.createElement("button");
    button.className = "btn btn-sm btn-primary";
    button.textContent = "Save";
    form.append(label, input, button);
    if (problem) form.append(fault(input, problem));
    if (hints.length) form.append(foot);
    form.noValidate = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!problem && input.value === field.value) return close(); // of many nothing is shown, nor lost
      return done(input.type === "checkbox" ? (input.checked ? "true" : "") : input.value);
    });
    box.append(form);
    if (!problem) setTimeout(() => input.select?.());
  });
}

function fault(input, problem) {
  const words = document.createElement("p");
  words.className = "field-error";
  words.id = "editor-problem";
  words.setAttribute("role", "alert");
  words.textContent = problem;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", words.id);
  return words;
}

/** Two values of one field: which holds? Resolves to "mine", "theirs" or null. */
export function decide(beside, title, { theirs, mine }) {
  return new Promise((resolve) => {
    let answer = null;
    show(
      beside,
      title,
      (box) => {
        const words = document.createElement("p");
        words.textContent = "Somebody else changed this meanwhile. Which value holds?";
        box.append(words);
        for (const [name, label, value] of [
          ["theirs", "Theirs", theirs],
          ["mine", "Yours", mine],
        ]) {
          const button = document.createElement("button");
          const strong = document.createElement("strong");
          button.type = "button";
          button.className = "menu-button";
          strong.textContent = label;
          button.append(strong, ` ${value || "nothing"}`);
          button.addEventListener("click", () => {
            answer = name;
            close();
          });
          box.append(button);
        }
      },
      { onClose: () => resolve(answer) },
    );
  });
}
