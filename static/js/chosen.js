// The candidates selected in the queue stay selected when the next one is swapped in: "Decide" is
// about them, wherever in the queue the reader is by then. The row of the one that is read is marked
// as soon as it is read, before the queue itself is brought up to date.
//
// With scripts a row is one stop of the Tab key, its link: "x" selects the row that has the focus, and
// the one that is read where none has. Without scripts there is no "x", and its box is a stop, too.

const DECIDED = /^\/review\/([0-9a-f-]{36})\/(?:approve|reject)\//;
// Beside the drafts of drafts.js, which forgets them together when their writer signs out.
const KEPT = `draft ${document.body.dataset.reader} chosen`;
const chosen = new Set();

function show() {
  const form = document.getElementById("many");
  if (!form) return;
  const boxes = new Map(
    [...document.querySelectorAll("#queue input[name=chosen]")].map((box) => [box.value, box]),
  );
  for (const hidden of form.querySelectorAll("input[name=chosen]")) hidden.remove();
  for (const value of chosen) {
    const box = boxes.get(value);
    if (box) {
      box.checked = true;
    } else {
      const hidden = document.createElement("input");
      Object.assign(hidden, { type: "hidden", name: "chosen", value });
      form.append(hidden);
    }
  }
  form.querySelector("[data-how-many]").textContent = chosen.size ? `${chosen.size} selected` : "many";
  try {
    sessionStorage.setItem(KEPT, JSON.stringify([...chosen]));
  } catch {
    // The store is full or closed: the selection lasts as long as the page.
  }
}

// Whoever comes back, or loads the page anew, finds their selection; whoever opens it begins without.
function bringBack() {
  const [came] = performance.getEntriesByType("navigation");
  if (came?.type !== "back_forward" && came?.type !== "reload") return;
  for (const value of JSON.parse(sessionStorage.getItem(KEPT) ?? "[]")) chosen.add(value);
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("#queue input[name=chosen]")) return;
  if (event.target.checked) chosen.add(event.target.value);
  else chosen.delete(event.target.value);
  show();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) chosen.delete(event.detail.requestConfig.path.match(DECIDED)?.[1]);
});

const boxOf = (row) => row?.querySelector("input");

function mark() {
  const read = document.getElementById("item")?.dataset.candidate;
  const box = read && document.querySelector(`#queue input[value="${CSS.escape(read)}"]`);
  const before = document.querySelector("#queue .item[aria-current]");
  if (!box || before === box.nextElementSibling) return;
  before?.removeAttribute("aria-current");
  box.nextElementSibling.setAttribute("aria-current", "true");
}

function leadX() {
  const row =
    document.activeElement.closest(".qi") || document.querySelector("#queue .qi:has([aria-current])");
  const box = boxOf(row);
  for (const other of document.querySelectorAll("#queue input[data-key]")) {
    if (other !== box) delete other.dataset.key;
  }
  if (box) Object.assign(box.dataset, { key: "x", keyLabel: "Select this candidate" });
}

function oneStopEach() {
  for (const row of document.querySelectorAll("#queue .qi")) {
    boxOf(row).tabIndex = -1;
    row.querySelector(".item").setAttribute("aria-keyshortcuts", "x");
  }
  leadX();
}

document.addEventListener("focusin", leadX);
document.addEventListener("focusout", leadX);

document.addEventListener("htmx:afterSettle", () => {
  mark();
  oneStopEach();
  show();
});

// What the browser itself has kept over a reload.
for (const box of document.querySelectorAll("#queue input[name=chosen]:checked")) {
  chosen.add(box.value);
}
bringBack();
oneStopEach();
show();
