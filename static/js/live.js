// What htmx does on this site: say when a request failed, keep what somebody is typing, and put
// the reader where the new content begins.

const TYPED = "input, textarea, select";

function say(text) {
  document.dispatchEvent(new CustomEvent("greenroom:toast", { detail: text }));
}

// What a page waits for beside its own content: where it does not come, the place itself says so.
function gaveUp(event) {
  const region = event.detail.elt;
  const words = region?.matches?.("[data-wait]") && region.querySelector("[data-wait-failed]");
  if (!words) return false;
  words.hidden = false;
  region.replaceChildren(words);
  region.removeAttribute("data-wait");
  return true;
}

const quiet = (event) => event.detail.elt && event.detail.elt.matches("[data-live]");

document.addEventListener("htmx:responseError", (event) => {
  if (gaveUp(event)) return;
  const status = event.detail.xhr.status;
  if (status === 401) {
    say("You are signed out. What you typed is still here. Sign in in another tab, then try again.");
  } else if (status === 403) {
    say("You may not do this. Nothing was changed; what you typed is still here.");
  } else if (status === 404) {
    say("This no longer exists. Nothing was changed. Reload the page.");
  } else if (status === 503) {
    say("It has to wait: somebody else is changing this, or the database is away. What you typed is still here. Try again in a moment.");
  } else {
    say(`The server answered with an error (${status}). What you typed is still here. Try again.`);
  }
});

// A failure is over once something was done after all.
document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, requestConfig } = event.detail;
  const list = document.getElementById("toasts");
  if (list && successful && requestConfig?.verb !== "get") list.replaceChildren();
});

document.addEventListener("htmx:sendError", (event) => {
  if (!quiet(event) && !gaveUp(event)) say("The server cannot be reached. What you typed is still here. Try again.");
});

document.addEventListener("htmx:timeout", (event) => {
  if (!quiet(event) && !gaveUp(event)) say("The server did not answer in 30 s. What you typed is still here. Try again.");
});

// A request that gives way to a decision (hx-sync) was given up on purpose, so the console is to get
// no error: htmx prints the `error` among the details of a request, unless it is empty.
document.addEventListener("htmx:beforeSend", ({ detail }) => {
  const abort = detail.xhr.abort;
  detail.xhr.abort = () => {
    detail.error = "";
    abort.call(detail.xhr);
  };
});

// After signing in again in another tab, the token of that session counts.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (!token || event.detail.verb === "get") return;
  event.detail.headers["X-CSRFToken"] = token;
  if (event.detail.parameters.csrfmiddlewaretoken) event.detail.parameters.csrfmiddlewaretoken = token;
});

// The second half of a double click must not decide the candidate that has just come.
let arrived = 0;

document.addEventListener("htmx:afterSwap", (event) => {
  if (["review", "item"].includes(event.detail.target?.id)) arrived = performance.now();
});

document.addEventListener("click", (event) => {
  const decides = event.detail > 0 && event.target.closest(".decide .btn");
  if (decides && performance.now() - arrived < 400) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// Changed forms remember it, so that a refresh can leave them alone.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form");
  if (form) form.dataset.dirty = "true";
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.detail.target;
  if (!region || !quiet({ detail: { elt: event.detail.requestConfig?.elt } })) return;
  const active = document.activeElement;
  const typing = region.contains(active) && active.matches(TYPED);
  const inside = region.querySelector("form[data-dirty], details[open] form, dialog[open]");
  if (typing || inside) event.detail.shouldSwap = false;
});

// A part that is swapped in has its message in data-said, and a region that stays announces it: one
// that is swapped together with its words is not read out. What the page came with, or still says,
// is not announced again.
const sayings = () =>
  [...document.querySelectorAll("[data-said]")].map((part) => part.dataset.said).filter(Boolean);
let heard = sayings();

function speak() {
  const now = sayings();
  const news = now.filter((text) => !heard.includes(text)).join(". ");
  heard = now;
  if (!news) return;
  const region = document.getElementById("said");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = news;
  });
}

// A live region that is swapped keeps the scroll places of its boxes.
const places = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  places.clear();
  const region = event.detail.target;
  for (const box of region.querySelectorAll("[data-keep-scroll]")) {
    places.set(box.dataset.keepScroll, [box.scrollTop, box.scrollLeft]);
  }
  // htmx lays the old content out beside the new, and takes its leave of it element by element.
  // Emptied first, the next candidate is on screen a quarter sooner. The element that asked stays in
  // the page: htmx looks from there for what else the answer changes, the words said and the badge.
  const asked = event.detail.requestConfig?.elt;
  if (["review", "item"].includes(region.id) && event.detail.shouldSwap) {
    region.replaceChildren(...(asked && region.contains(asked) ? [asked] : []));
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  for (const [name, [top, left]] of places) {
    const box = document.querySelector(`[data-keep-scroll="${CSS.escape(name)}"]`);
    if (box) box.scrollTo(left, top);
  }
  places.clear();
  speak();
  // The tab and the history of the browser name what is read.
  const titled = document.querySelector("[data-title]");
  if (titled) document.title = `${titled.dataset.title} · Greenroom`;
  if (quiet({ detail: { elt: event.detail.requestConfig?.elt } })) return;
  const row = event.detail.target?.matches?.("tr[data-row]") && document.getElementById(event.detail.target.id);
  if (row && !row.contains(document.activeElement)) row.querySelector("a.row-link")?.focus();
  // A peek that closes gives the focus back to its row; one that lies over the page takes it.
  const back = event.detail.requestConfig?.elt?.dataset?.return;
  if (back) document.getElementById(back)?.focus();
  const peek = event.detail.target?.id === "bullets" && document.querySelector("#bullets .peek");
  if (peek && getComputedStyle(peek).position === "fixed") peek.focus();
  const start = document.querySelector("[data-focus-after-swap]");
  if (start && start.dataset.focusAfterSwap.split(" ").includes(event.detail.target?.id)) {
    start.focus({ preventScroll: true });
  }
});
