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

// What goes on and back comes first, then letters, figures and the rest.
const order = ([name]) => {
  const place = ["j", "k"].indexOf(name);
  if (place >= 0) return `0${place}`;
  return name.length === 1 ? `${/\d/.test(name) ? 2 : 1}${name}` : `3${name}`;
};

function group(into, title, rows) {
  if (!rows.length) return;
  const part = document.createElement("section");
  const heading = document.createElement("h3");
  heading.textContent = title;
  const list = document.createElement("dl");
  list.className = "keys";
  part.append(heading, list);
  for (const [keys, text] of rows) line(list, keys, text);
  into.append(part);
}

function keysHere() {
  const here = new Map();
  for (const element of shown("[data-key]")) {
    const { key } = element.dataset;
    if (!here.has(key) && element.closest("#main")) here.set(key, describe(element));
  }
  if (document.querySelector("[data-row]")) {
    if (!here.has("j")) here.set("j", "Next row");
    if (!here.has("k")) here.set("k", "Previous row");
    if (document.querySelector("[data-row] input[type=checkbox]")) here.set("x", "Select the row");
  }
  // At either end of a list one of the two leads nowhere now, and is a key of the page all the same.
  if (here.has("j") && !here.has("k")) here.set("k", here.get("j").replace("Next", "Previous"));
  if (here.has("k") && !here.has("j")) here.set("j", here.get("k").replace("Previous", "Next"));
  const rows = [...here].sort((a, b) => (order(a) < order(b) ? -1 : 1)).map(([key, text]) => [[key], text]);
  if (shown("[data-graph]").length) {
    rows.push([["+", "-", "0"], "In the graph: zoom in, zoom out, show all"]);
    rows.push([["←", "↑", "↓", "→"], "In the graph: move"]);
  }
  return rows;
}

function sheet() {
  const dialog = document.getElementById("keys-sheet");
  if (!dialog || dialog.open) return;
  const into = dialog.querySelector("[data-keys-list]");
  into.replaceChildren();
  const here = keysHere();
  group(into, "On this page", here);
  const letters = new Map(places().map((place) => [place.dataset.go, describe(place)]));
  group(into, "Go to", [...letters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, text]) => [["g", key], text]));
  const everywhere = [[["?"], "This list"], [["Ctrl/⌘", "Enter"], "Send the form you are in"]];
  if (document.getElementById("palette")) everywhere.unshift([["Ctrl/⌘", "K"], "Go to, do or find"]);
  const search = find("/");
  if (search && !search.closest("#main")) everywhere.unshift([["/"], describe(search)]);
  group(into, "Everywhere", everywhere);
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
