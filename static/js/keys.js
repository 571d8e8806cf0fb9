// The keyboard map is declared in the markup: data-key="a" makes that control answer to "a",
// data-go="r" to "g" then "r". Nothing happens while somebody types.

const TYPING = "input:not([type=radio], [type=checkbox], [type=button], [type=submit]), textarea, select, [contenteditable]";
let afterG = 0;

const visible = (element) => element.getClientRects().length > 0;
// What the page itself offers comes before the frame around it: "/" on a list searches the list.
const shown = (selector) => {
  const found = [...document.querySelectorAll(selector)].filter(visible);
  const own = found.filter((element) => element.closest("#main"));
  return [...own, ...found.filter((element) => !own.includes(element))];
};
const find = (key) => shown(`[data-key="${CSS.escape(key)}"]`)[0];
// The places of the rail answer where the rail itself is folded away, too: narrow, or zoomed in.
const places = () => [...document.querySelectorAll("[data-go]")];

function use(element) {
  if (element.matches(TYPING)) {
    element.focus();
    if (element.select) element.select();
  } else {
    element.click();
  }
}

function fold(open) {
  open.open = false;
  open.querySelector("summary").focus();
}

function move(step, isHeld) {
  const rows = [...document.querySelectorAll("[data-row]")].filter(visible);
  if (!rows.length) return false;
  const open = document.querySelector("[data-row].open");
  const now = rows.indexOf(document.activeElement.closest("[data-row]") || open);
  const next = rows[Math.min(rows.length - 1, Math.max(0, now < 0 ? 0 : now + step))];
  const target = next.matches("a") ? next : next.querySelector("a[href]") || next;
  target.focus();
  next.scrollIntoView({ block: "nearest" });
  // A peek beside the list goes along with the row, but not through all that a held key passes.
  if (open && next !== open && !isHeld && document.querySelector("#bullets .peek")) target.click();
  return true;
}

function select() {
  const row = document.activeElement.closest("[data-row]");
  const box = row && row.querySelector("input[type=checkbox]");
  if (box) box.click();
  return Boolean(box);
}

function describe(element) {
  const copy = element.cloneNode(true);
  for (const part of copy.querySelectorAll("kbd, svg, .sr, .n")) part.remove();
  const label = element.dataset.keyLabel || element.getAttribute("aria-label");
  return (label || copy.textContent || "").replace(/\s+/g, " ").trim();
}

function line(list, keys, text) {
  const term = document.createElement("dt");
  for (const key of keys) {
    const hint = document.createElement("kbd");
    hint.textContent = key;
    term.append(hint);
  }
  const meaning = document.createElement("dd");
  meaning.textContent = text;
  list.append(term, meaning);
}

function sheet() {
  const dialog = document.getElementById("keys-sheet");
  if (!dialog || dialog.open) return;
  const list = dialog.querySelector("[data-keys-list]");
  list.replaceChildren();
  const seen = new Set();
  for (const element of [...shown("[data-key]"), ...places()]) {
    const keys = element.dataset.key ? [element.dataset.key] : ["g", element.dataset.go];
    const name = keys.join(" ");
    if (seen.has(name)) continue;
    seen.add(name);
    line(list, keys, describe(element));
  }
  if (document.querySelector("[data-row]")) {
    if (!seen.has("j")) line(list, ["j"], "Next row");
    if (!seen.has("k")) line(list, ["k"], "Previous row");
    if (document.querySelector("[data-row] input[type=checkbox]")) line(list, ["x"], "Select the row");
  }
  if (shown("[data-graph]").length) {
    line(list, ["+", "-", "0"], "In the graph: zoom in, zoom out, show all");
    line(list, ["←", "↑", "↓", "→"], "In the graph: move");
  }
  line(list, ["?"], "This list");
  dialog.showModal();
}

function submitFrom(element) {
  const form = element.form || element.closest("form");
  if (!form) return false;
  // What was typed may belong to one of several buttons: a reason to reject approves nothing.
  const own = element.dataset.submits;
  const button = form.querySelector(own ? `[data-key="${CSS.escape(own)}"]` : "[data-submit]");
  if (button) button.click();
  else form.requestSubmit();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (event.repeat || submitFrom(event.target)) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // A key held down moves on through a list and scrolls; it decides nothing twice.
  if (event.repeat && event.key !== "j" && event.key !== "k" && !event.target.closest(TYPING)) {
    if (event.key === "Enter") event.preventDefault();
    return;
  }
  if (event.target.closest(TYPING)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    const open = [...document.querySelectorAll("details:is(.me, .menu, .pop, .ws-switch)[open]")].pop();
    const close = find("Escape");
    if (open) fold(open);
    else if (close) use(close);
    return;
  }
  const recent = Date.now() - afterG < 1200;
  afterG = 0;
  if (recent) {
    const place = places().find((each) => each.dataset.go === event.key);
    if (place) {
      event.preventDefault();
      use(place);
      return;
    }
  }
  const control = find(event.key);
  if (control) {
    event.preventDefault();
    use(control);
  } else if (event.key === "g") {
    afterG = Date.now();
  } else if (event.key === "?") {
    sheet();
  } else if (event.key === "j" || event.key === "k") {
    if (move(event.key === "j" ? 1 : -1, event.repeat)) event.preventDefault();
  } else if (event.key === "x" && select()) {
    event.preventDefault();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest('[data-dialog="keys-sheet"]')) {
    event.preventDefault();
    event.stopImmediatePropagation();
    sheet();
  }
}, true);
