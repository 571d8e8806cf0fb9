// Draws the day tables of a page as lines (uPlot). The table stays: it is what screen readers, and
// readers without scripts, get; a click on a day goes where the link of its row goes.

const DAY = 24 * 60 * 60;
const HEIGHT = 168;
// Lines are told apart by their dashes and the names at their ends, never by color alone.
const DASHES = [[], [7, 4], [2, 3]];
const STEPS = [1, 2, 4, 5, 8, 10];
const NAME_GAP = 15;
const drawn = new Map();

const role = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const smallest = (unit) => (unit ? 0.01 : 1);

// The highest figure of the axis: round, and not below any value.
function roundTop(highest, unit) {
  const wanted = Math.max(highest, smallest(unit));
  const scale = 10 ** Math.floor(Math.log10(wanted) + 1e-9);
  return scale * STEPS.find((step) => step * scale >= wanted - scale * 1e-9);
}

const figure = (value, unit) =>
  unit ? unit + value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }) : value.toLocaleString("en-US");

// What stands at the end of each line. The only line of a chart is named by its title.
function ends(names, data, unit) {
  const alone = names.length === 1;
  return names.map(({ label, ink }, at) => {
    const value = data[at + 1].at(-1);
    const said = unit && value > 0 && value < smallest(unit) ? `under ${figure(smallest(unit), unit)}` : figure(value, unit);
    return { at: at + 1, value, ink, text: alone ? said : `${label} ${said}` };
  });
}

// Writes them so that none stands on another.
function writeEnds(chart, said, font) {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const x = bbox.left + bbox.width;
  const placed = said
    .map((end) => ({ ...end, dot: chart.valToPos(end.value, "y", true) }))
    .sort((one, other) => one.dot - other.dot || one.at - other.at);
  const [top, bottom, gap] = [bbox.top, bbox.top + bbox.height, NAME_GAP * ratio];
  placed.forEach((end, place) => {
    const above = placed[place - 1];
    end.y = Math.max(end.dot, above ? above.y + gap : top);
  });
  placed.reverse().forEach((end, place) => {
    const below = placed[place - 1];
    end.y = Math.min(end.y, below ? below.y - gap : bottom);
  });
  ctx.save();
  ctx.font = font(ratio);
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  for (const { dot, y, text, ink, at } of placed) {
    ctx.fillStyle = chart.series[at].stroke();
    ctx.beginPath();
    ctx.arc(x, dot, 3.5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.fillStyle = ink;
    ctx.fillText(text, x + 8 * ratio, y);
  }
  ctx.restore();
}

function read(table) {
  const rows = [...table.tBodies[0].rows].reverse();
  const heads = [...table.tHead.rows[0].cells].slice(1);
  return {
    urls: rows.map((row) => row.dataset.url),
    words: rows.map(({ cells }) => {
      const figures = heads.map((head, at) => (heads.length > 1 ? `${head.textContent} ` : "") + cells[at + 1].textContent);
      return `${cells[0].textContent}: ${figures.join(", ")}`;
    }),
    names: heads.map((cell) => ({
      label: cell.textContent,
      tone: cell.dataset.tone,
      ink: role(cell.dataset.tone === "control" ? "ink-3" : cell.dataset.tone),
    })),
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
  const font = (ratio) => `${12 * ratio}px ${role("sans")}`;
  const endings = ends(names, data, unit);
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = font(1);
  const room = 12 + Math.max(...endings.map(({ text }) => ruler.measureText(text).width));
  const top = roundTop(Math.max(...data.slice(1).flat()), unit);
  const axis = {
    stroke: role("ink-3"),
    font: font(1),
    grid: { stroke: role("line"), width: 1 },
    ticks: { show: false },
  };
  const chart = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      padding: [10, room, 0, 0],
      hooks: {
        setCursor: [({ cursor }) => say(cursor.idx)],
        draw: [(drawing) => writeEnds(drawing, endings, font)],
      },
      cursor: { y: false, points: { size: 7 } },
      scales: { y: { range: [0, top] } },
      axes: [
        { ...axis, grid: { show: false }, space: 64, incrs: [1, 2, 3, 7, 14, 30].map((n) => n * DAY), values: "{MMM} {D}" },
        { ...axis, size: 52, splits: [0, top], values: (_, splits) => splits.map((n) => figure(n, unit)) },
      ],
      series: [
        {},
        ...names.map(({ label, tone }, at) => ({
          label,
          stroke: role(tone),
          width: 2,
          dash: DASHES[at % DASHES.length],
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
