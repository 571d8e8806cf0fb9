// Ctrl or Cmd with K: the places of the rail and the acts of the page, narrowed by what is typed,
// and below them what the server finds. Everything in it is a link or a control of the page itself.

const dialog = document.getElementById("palette");
const words = dialog?.querySelector("[data-palette-words]");
const here = dialog?.querySelector("[data-palette-here]");

const visible = (element) => element.getClientRects().length > 0;

function nameOf(element) {
  const copy = element.cloneNode(true);
  for (const part of copy.querySelectorAll("kbd, svg, .sr, .n")) part.remove();
  const label = element.getAttribute("aria-label") || element.dataset.keyLabel || element.title;
  return (copy.textContent.trim() || label || "").replace(/\s+/g, " ");
}

// What the page offers is looked at when the palette opens: its controls come and go.
function offers() {
  const seen = new Set();
  const found = [];
  const controls = document.querySelectorAll("[data-go], [data-key]:not(input, select, textarea)");
  for (const control of controls) {
    const name = nameOf(control);
    if (!name || seen.has(name) || dialog.contains(control)) continue;
    // A place can be gone to where the rail is folded away.
    if (!control.dataset.go && !visible(control)) continue;
    seen.add(name);
    const keys = control.dataset.go ? `g ${control.dataset.go}` : control.dataset.key;
    found.push({ control, name, keys });
  }
  return found;
}

let offered = [];

function show() {
  const asked = words.value.trim().toLowerCase();
  const matching = offered.filter(({ name }) => name.toLowerCase().includes(asked));
  here.replaceChildren(
    ...matching.map(({ control, name, keys }) => {
      const row = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "item-btn grow";
      button.dataset.paletteItem = "";
      button.textContent = name;
      button.addEventListener("click", () => {
        dialog.close();
        control.click();
      });
      const hint = document.createElement("kbd");
      hint.setAttribute("aria-hidden", "true");
      hint.textContent = keys;
      row.append(button, hint);
      return row;
    }),
  );
}

function open() {
  offered = offers();
  words.value = "";
  dialog.querySelector("#palette-found").replaceChildren();
  show();
  dialog.showModal();
  words.focus();
}

function move(step) {
  const items = [...dialog.querySelectorAll("[data-palette-item]")];
  const now = items.indexOf(document.activeElement);
  if (now + step < 0) words.focus();
  else items[Math.min(items.length - 1, now + step)]?.focus();
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else if (!document.querySelector("dialog[open]")) open();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) {
      event.preventDefault();
      open();
    }
  });
  words.addEventListener("input", show);
  dialog.addEventListener("keydown", (event) => {
    // A search field takes the first Escape to empty itself, and leaves what it had found below.
    if (event.key === "Escape") {
      event.preventDefault();
      dialog.close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && event.target === words) {
      const first = dialog.querySelector("[data-palette-item]");
      if (first) {
        event.preventDefault();
        first.click();
      }
    }
  });
}
