// Draws the day tables of a page as lines (uPlot). The table stays: it is what screen readers, and
// readers without scripts, get; a click on a day goes where the link of its row goes.

const DAY = 24 * 60 * 60;
const HEIGHT = 168;
const drawn = new Map();

const role = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function read(table) {
  const rows = [...table.tBodies[0].rows].reverse();
  const heads = [...table.tHead.rows[0].cells].slice(1);
  return {
    urls: rows.map((row) => row.dataset.url),
    words: rows.map(({ cells }) => {
      const figures = heads.map((head, at) => `${head.textContent} ${cells[at + 1].textContent}`);
      return `${cells[0].textContent}: ${figures.join(", ")}`;
    }),
    names: heads.map((cell) => ({ label: cell.textContent, tone: cell.dataset.tone })),
    data: [
      rows.map((row) => Date.parse(`${row.dataset.day}T00:00:00Z`) / 1000),
      ...heads.map((_, at) => rows.map((row) => Number(row.cells[at + 1].dataset.value))),
    ],
  };
}

function draw(table) {
  const box = table.closest("figure").querySelector(".chart-box");
  drawn.get(table)?.destroy();
  const { urls, words, names, data } = read(table);
  const said = box.querySelector(".chart-said") || document.createElement("p");
  said.className = "chart-said";
  // The day under the pointer in figures; the last one while there is none.
  const say = (at) => { said.textContent = words[at ?? words.length - 1] || ""; };
  const unit = table.dataset.dayChart;
  const axis = {
    stroke: role("ink-3"),
    font: `12px ${role("sans")}`,
    grid: { stroke: role("line"), width: 1 },
    ticks: { show: false },
  };
  const chart = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      hooks: { setCursor: [({ cursor }) => say(cursor.idx)] },
      cursor: { y: false, points: { size: 7 } },
      scales: { y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.08] } },
      axes: [
        { ...axis, grid: { show: false }, space: 64, incrs: [1, 2, 3, 7, 14, 30].map((n) => n * DAY), values: "{MMM} {D}" },
        { ...axis, size: 44, values: (_, splits) => splits.map((n) => (Number.isInteger(n) || unit ? unit + n : "")) },
      ],
      series: [
        {},
        ...names.map(({ label, tone }) => ({
          label,
          stroke: role(tone),
          width: 2,
          points: { show: data[0].length < 10 },
        })),
      ],
    },
    data,
    box,
  );
  chart.over.addEventListener("click", () => {
    const url = urls[chart.cursor.idx];
    if (url) location.assign(url);
  });
  box.append(said);
  say(null);
  drawn.set(table, chart);
}

function drawAll() {
  for (const table of [...drawn.keys()]) {
    if (!table.isConnected) {
      drawn.get(table).destroy();
      drawn.delete(table);
    }
  }
  for (const table of document.querySelectorAll("table[data-day-chart]")) draw(table);
}

// The colors are the page's: a change of theme draws anew.
new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.addEventListener("htmx:afterSettle", drawAll);
let waiting = 0;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(drawAll, 120);
});
drawAll();
