// Theme switch, dialogs, copy buttons and toasts. One listener on the document, so that content
// swapped in later works without being wired up.

const YEAR = 60 * 60 * 24 * 365;

function toast(text) {
  const list = document.getElementById("toasts");
  const template = document.getElementById("toast");
  if (!list || !template) return;
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = text;
  list.replaceChildren(item);
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${name}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === name));
  }
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  const text = source ? source.textContent : "";
  const label = button.lastChild;
  button.dataset.says ??= label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    // The clipboard is closed to pages on plain HTTP: select the text so that Ctrl+C takes it.
    getSelection().selectAllChildren(source);
    label.textContent = "Selected, press Ctrl+C";
  }
  setTimeout(() => { label.textContent = button.dataset.says; }, 2000);
}

function reveal(button, isShown) {
  document.getElementById(button.dataset.reveal).type = isShown ? "text" : "password";
  button.setAttribute("aria-pressed", String(isShown));
}

function refuseWithoutReason(event, button) {
  const form = button.form;
  const field = button.dataset.requires;
  if (!form || [...new FormData(form).entries()].some(([name, value]) => name === field && value)) {
    return;
  }
  const set = form.querySelector(`[data-required-by="${field}"]`);
  if (!set) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  set.classList.add("missing");
  const first = set.querySelector("input");
  first.focus();
  first.scrollIntoView({ block: "center" });
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const needy = at("[data-requires]");
  if (needy) refuseWithoutReason(event, needy);
  const theme = at("[data-theme-set]");
  if (theme) setTheme(theme.dataset.themeSet);
  const copier = at("[data-copy]");
  if (copier) copy(copier);
  const revealer = at("[data-reveal]");
  if (revealer) reveal(revealer, revealer.getAttribute("aria-pressed") === "false");
  const opener = at("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog) {
      event.preventDefault();
      dialog.showModal();
    }
  }
  const closer = at("[data-close]");
  if (closer) closer.closest("dialog").close();
  if (event.target.nodeName === "DIALOG") event.target.close();
  const closeToast = at("[data-close-toast]");
  if (closeToast) closeToast.closest(".toast").remove();
  for (const open of document.querySelectorAll("details:is(.me, .ws-switch)[open], .acts details.pop[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
}, true);

// Arrow keys take a closed select from choice to choice, and each would send the form: a choice made
// by keys is sent by Enter, or by the button beside it. An open list says itself when it is done.
let byKeys = null;

document.addEventListener("pointerdown", () => { byKeys = null; }, true);

document.addEventListener("keydown", (event) => {
  const auto = event.target.closest?.("select[data-submit-on-change]");
  if (!auto) return;
  if (event.key === "Enter" && byKeys === auto) {
    event.preventDefault();
    auto.form.requestSubmit();
  } else {
    byKeys = event.altKey || event.key === " " ? null : auto;
  }
}, true);

document.addEventListener("change", (event) => {
  const auto = event.target.closest("[data-submit-on-change]");
  if (auto && auto !== byKeys) auto.form.requestSubmit();
});

// What a filter does not ask for it need not say: the address stays one that can be sent on.
document.addEventListener("formdata", (event) => {
  if (!event.target.matches("form.filters, form.find")) return;
  const { formData } = event;
  for (const name of new Set(formData.keys())) {
    if (!formData.getAll(name).some(Boolean)) formData.delete(name);
  }
});

// Browsers offer what was sent as plain text to the next person who types there.
document.addEventListener("submit", (event) => {
  for (const button of event.target.querySelectorAll("[data-reveal]")) reveal(button, false);
}, true);

document.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  const field = event.target.querySelector("[data-focus]");
  if (field) field.focus();
}, true);

document.addEventListener("greenroom:toast", (event) => toast(event.detail));
