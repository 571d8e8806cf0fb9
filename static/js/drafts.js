// What somebody types into a field with data-draft="name" survives a reload, the back button and a
// lost session in this tab, until it was sent and accepted. It belongs to its writer: whoever signs
// in next in this tab does not find it, and signing out removes it.

const ALL = "draft ";
const KEY = `${ALL}${document.body.dataset.reader} `;

function forget(spared) {
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith(ALL) && !(spared && name.startsWith(spared))) sessionStorage.removeItem(name);
  }
}

function store(field) {
  try {
    if (field.value) sessionStorage.setItem(KEY + field.dataset.draft, field.value);
    else sessionStorage.removeItem(KEY + field.dataset.draft);
  } catch {
    // The store is full or closed: the text is still in the field.
  }
}

function bringBack() {
  for (const field of document.querySelectorAll("[data-draft]")) {
    const kept = sessionStorage.getItem(KEY + field.dataset.draft);
    if (kept === null || kept === field.value) continue;
    field.value = kept;
    if (field.form) field.form.dataset.dirty = "true";
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-draft]")) store(event.target);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const form = event.detail.elt.form || event.detail.elt.closest("form");
  event.detail.xhr.drafts = form
    ? [...form.elements].filter((field) => field.matches("[data-draft]")).map((f) => f.dataset.draft)
    : [];
});

// Before the answer is shown: what it brings may hold the same field, which must not be filled again.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status >= 400 || event.detail.requestConfig.verb === "get") return;
  for (const name of event.detail.xhr.drafts || []) sessionStorage.removeItem(KEY + name);
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-signs-out]")) forget();
}, true);

document.addEventListener("htmx:afterSettle", bringBack);
forget(KEY);
bringBack();
