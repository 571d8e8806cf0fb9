// Zoom and move in a drawing by its view box: buttons, the wheel with Ctrl or ⌘, and keys while it
// has the focus. Without this script it is whole and scrolls.

const STEP = 1.25;
const whole = new WeakMap();

function box(svg) {
  const now = svg.viewBox.baseVal;
  if (!whole.has(svg)) whole.set(svg, [now.x, now.y, now.width, now.height]);
  return [now.x, now.y, now.width, now.height];
}

// From the first key or button on, the drawing is as large as its frame: one moves in it instead of
// scrolling, and "all" shows all of it.
function show(svg, next) {
  svg.classList.add("fitted");
  svg.parentElement.scrollTo(0, 0);
  svg.setAttribute("viewBox", next.map((value) => value.toFixed(1)).join(" "));
}

function zoom(svg, factor) {
  const [x, y, width, height] = box(svg);
  const [, , fullWidth, fullHeight] = whole.get(svg);
  const scale = Math.min(1, Math.max(0.15, (width * factor) / fullWidth));
  const wide = fullWidth * scale;
  const high = fullHeight * scale;
  show(svg, [x + (width - wide) / 2, y + (height - high) / 2, wide, high]);
}

function move(svg, right, down) {
  const [x, y, width, height] = box(svg);
  show(svg, [x + right * width * 0.15, y + down * height * 0.15, width, height]);
}

function reset(svg) {
  box(svg);
  show(svg, whole.get(svg));
}

const KEYS = {
  "+": (svg) => zoom(svg, 1 / STEP),
  "=": (svg) => zoom(svg, 1 / STEP),
  "-": (svg) => zoom(svg, STEP),
  "0": reset,
  ArrowLeft: (svg) => move(svg, -1, 0),
  ArrowRight: (svg) => move(svg, 1, 0),
  ArrowUp: (svg) => move(svg, 0, -1),
  ArrowDown: (svg) => move(svg, 0, 1),
};

document.addEventListener("keydown", (event) => {
  const frame = event.target.closest?.("[data-graph]");
  const act = KEYS[event.key];
  if (!frame || !act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(frame.querySelector("svg.causal"));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-zoom]");
  const svg = button && button.closest("section").querySelector("svg.causal");
  if (!svg) return;
  if (button.dataset.zoom === "all") reset(svg);
  else zoom(svg, button.dataset.zoom === "in" ? 1 / STEP : STEP);
});

document.addEventListener("wheel", (event) => {
  const frame = event.target.closest?.("[data-graph]");
  if (!frame || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  zoom(frame.querySelector("svg.causal"), event.deltaY < 0 ? 1 / STEP : STEP);
}, { passive: false });
