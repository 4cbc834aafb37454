// Charts: each figure carries its numbers; colours are those of the theme, drawn anew as it changes.
const { Chart } = window;
const DAY = 86_400_000;
const figures = [...document.querySelectorAll("figure[data-chart]")];
const drawn = new Map();

/** What a colour of tokens.css is in the theme that shows now: a custom property alone can't say. */
function colours() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const known = {};
  const colour = (name) => {
    if (!(name in known)) {
      probe.style.color = `var(--${name})`;
      known[name] = getComputedStyle(probe).color;
    }
    return known[name];
  };
  return { colour, end: () => probe.remove() };
}

const clear = (colour, share) => colour.replace(/rgba?\(([^)/]+?)\)/, `rgba($1, ${share})`);
const said = (number) => number.toLocaleString("en-GB", { maximumFractionDigits: 2 });
const short = (iso) =>
  new Date(iso).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

function lineOf(series, colour) {
  const hue = colour(series.hue);
  const base = {
    label: series.name,
    data: series.values,
    borderColor: hue,
    backgroundColor: hue,
    borderWidth: 2,
    clip: 6, // whole points at the end of the scale
    pointRadius: series.values.length > 40 ? 0 : 2,
    pointHoverRadius: 4,
    spanGaps: false,
  };
  const looks = {
    line: {},
    dashed: { borderDash: [5, 4], borderWidth: 1.5, pointRadius: 0 },
    step: { stepped: "before", borderWidth: 1.5, pointRadius: 0 },
    area: { fill: "origin", backgroundColor: clear(hue, 0.35), borderWidth: 1.5, pointRadius: 0 },
  };
  const line = { type: "line", ...base, ...looks[series.look] };
  // Of one value there is no line: its point alone shows it.
  const isAlone = series.values.filter((value) => value !== null).length === 1;
  return isAlone ? { ...line, pointRadius: 4 } : line;
}

function barOf(series, colour) {
  return {
    type: "bar",
    label: series.name,
    data: series.values,
    backgroundColor: colour(series.hue),
    borderRadius: 3,
    maxBarThickness: 36,
    order: 2, // lines stand before bars
  };
}

/** From what the series before it holds up to its own, as a bar that stands in the air. */
function spanOf(series, before, colour) {
  const hue = colour(series.hue);
  return {
    ...barOf(series, colour),
    label: `${before.name} to ${series.name.toLowerCase()}`,
    data: series.values.map((high, place) => [before.values[place], high]),
    backgroundColor: clear(hue, 0.25),
    borderColor: hue,
    borderWidth: 1.5,
    borderSkipped: false,
    minBarLength: 3,
  };
}

/** What came, as a mark on the span. */
function markOf(series, colour) {
  return {
    ...lineOf(series, colour),
    showLine: false,
    pointStyle: "rectRot",
    pointRadius: 6,
    pointHoverRadius: 8,
    pointBorderColor: colour("surface"),
    order: 1,
  };
}

function dotsOf(series, places, colour) {
  return {
    type: "scatter",
    label: series.name,
    data: series.values.map((y, n) => ({ x: Date.parse(places[n]), y })),
    backgroundColor: clear(colour(series.hue), 0.7),
    borderColor: colour(series.hue),
    pointRadius: 4,
    pointHoverRadius: 6,
  };
}

function datasetsOf(chart, colour) {
  return chart.series.flatMap((series, place) => {
    if (series.look === "low") return []; // where the span after it begins
    if (series.look === "span") return spanOf(series, chart.series[place - 1], colour);
    if (series.look === "mark") return markOf(series, colour);
    if (series.look === "bar") return barOf(series, colour);
    if (series.look === "dots") return dotsOf(series, chart.places, colour);
    const line = lineOf(series, colour);
    if (chart.look === "area" && place > 0) line.fill = "-1"; // each band lies on the one before
    return line;
  });
}

/** Days off are grey from half a day before to half a day after. */
function daysOff(chart, colour) {
  return {
    id: "days-off",
    beforeDatasetsDraw({ ctx, chartArea, scales }) {
      const half = (scales.x.getPixelForValue(1) - scales.x.getPixelForValue(0)) / 2;
      ctx.save();
      ctx.fillStyle = colour("surface-3");
      for (const place of chart.off) {
        const middle = scales.x.getPixelForValue(place);
        const left = Math.max(middle - half, chartArea.left);
        const right = Math.min(middle + half, chartArea.right);
        ctx.fillRect(left, chartArea.top, right - left, chartArea.height);
      }
      ctx.restore();
    },
  };
}

/** Stretches that belong together lie behind it all, every other one tinted, with their names. */
function bandsOf(chart, colour) {
  return {
    id: "bands",
    beforeDatasetsDraw({ ctx, chartArea, scales }) {
      const { left, right, top, height } = chartArea;
      const places = chart.labels.length;
      const half = places > 1 ? (scales.x.getPixelForValue(1) - scales.x.getPixelForValue(0)) / 2 : right - left;
      ctx.save();
      ctx.font = `600 11px ${Chart.defaults.font.family}`;
      for (const [number, band] of chart.bands.entries()) {
        const from = Math.max(scales.x.getPixelForValue(band.first) - half, left);
        const to = Math.min(scales.x.getPixelForValue(band.last) + half, right);
        ctx.fillStyle = clear(colour("accent"), number % 2 ? 0.04 : 0.09);
        ctx.fillRect(from, top, to - from, height);
        // A name that is longer than its band is left to the table.
        if (ctx.measureText(band.name).width > to - from) continue;
        ctx.fillStyle = colour("muted");
        ctx.fillText(band.name, from, top - 6);
      }
      ctx.restore();
    },
  };
}

function marksOf(chart, colour) {
  return {
    id: "marks",
    afterDatasetsDraw({ ctx, chartArea, scales }) {
      ctx.save();
      ctx.font = `600 11px ${Chart.defaults.font.family}`;
      let free = Infinity; // words of lines that lie close stand one above the other
      for (const mark of [...chart.marks].sort((one, other) => one.value - other.value)) {
        const y = scales.y.getPixelForValue(mark.value);
        ctx.strokeStyle = colour(mark.hue);
        ctx.setLineDash([4, 4]);
        ctx.beginPath();
        ctx.moveTo(chartArea.left, y);
        ctx.lineTo(chartArea.right, y);
        ctx.stroke();
        const line = Math.min(y + 4, free);
        free = line - 14;
        ctx.fillStyle = colour("ink-2");
        ctx.fillText(wordsOf(mark), chartArea.right + 6, line);
      }
      ctx.restore();
    },
  };
}

const wordsOf = (mark) => `${mark.name}: ${said(mark.value)}`;

/** Room for the words of the marks, beside the drawing so that they hide nothing. */
function roomFor(marks) {
  const longest = Math.max(0, ...marks.map((mark) => wordsOf(mark).length));
  return longest ? 10 + longest * 6.5 : 4;
}

/** Lines as they are drawn, dashed ones too; squares for what is filled. */
function legendOf(shown) {
  const labels = Chart.defaults.plugins.legend.labels.generateLabels(shown);
  return labels.map((label) => {
    const set = shown.data.datasets[label.datasetIndex];
    const hue = set.fill ? set.backgroundColor : (set.borderColor ?? set.backgroundColor);
    const isLine = set.type === "line" && !set.fill && set.showLine !== false;
    const isMark = set.showLine === false;
    return {
      ...label,
      fillStyle: hue,
      strokeStyle: hue,
      lineDash: set.borderDash ?? [],
      lineWidth: isLine ? 2 : 0,
      pointStyle: isLine ? "line" : isMark ? set.pointStyle : "rect",
    };
  });
}

function scalesOf(chart, colour) {
  const grid = { color: colour("line-soft"), drawTicks: false };
  const ticks = { color: colour("muted"), padding: 6 };
  const highest = Math.max(0, ...chart.marks.map((mark) => mark.value));
  const y = {
    beginAtZero: true,
    suggestedMax: highest * 1.08,
    max: chart.highest ?? undefined,
    stacked: chart.look === "area",
    border: { display: false },
    grid,
    ticks: { ...ticks, precision: 0, maxTicksLimit: 6 },
    title: { display: true, text: chart.unit, color: colour("muted") },
  };
  const x = {
    border: { color: colour("line") },
    grid: { display: false },
    ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 12 },
  };
  if (chart.look === "scatter") {
    const moments = chart.places.map((place) => Date.parse(place));
    Object.assign(x, {
      type: "linear",
      min: Math.min(...moments) - DAY,
      max: Math.max(...moments) + DAY,
    });
    x.ticks = { ...x.ticks, stepSize: 7 * DAY, maxTicksLimit: 8, callback: (at) => short(at) };
  }
  return { x, y };
}

function labelOf(chart) {
  return ({ dataIndex, dataset, parsed }) => {
    if (parsed.y === null) return "";
    const span = dataset.data[dataIndex];
    if (Array.isArray(span)) return ` ${dataset.label}: ${span.map(said).join(" to ")} ${chart.unit}`;
    if (chart.look !== "scatter") return ` ${dataset.label}: ${said(parsed.y)} ${chart.unit}`;
    return ` ${chart.labels[dataIndex]}: ${said(parsed.y)} ${chart.unit}, done ${short(parsed.x)}`;
  };
}

function configOf(chart, colour) {
  const isScatter = chart.look === "scatter";
  return {
    type: isScatter ? "scatter" : chart.look === "bar" ? "bar" : "line",
    data: { labels: isScatter ? undefined : [...chart.labels], datasets: datasetsOf(chart, colour) },
    options: {
      animation: false, // nothing went anywhere
      responsive: true,
      maintainAspectRatio: false,
      layout: { padding: { top: chart.bands.length ? 22 : 8, right: roomFor(chart.marks) } },
      interaction: { mode: isScatter ? "nearest" : "index", intersect: false },
      scales: scalesOf(chart, colour),
      plugins: {
        legend: {
          display: chart.series.length > 1,
          position: "bottom",
          reverse: chart.look === "area", // as they lie upon one another
          labels: {
            color: colour("ink-2"),
            boxHeight: 10,
            padding: 14,
            usePointStyle: true,
            pointStyleWidth: 18,
            generateLabels: legendOf,
          },
        },
        tooltip: {
          backgroundColor: colour("ink"),
          titleColor: colour("surface"),
          bodyColor: colour("surface"),
          padding: 10,
          cornerRadius: 6,
          callbacks: { label: labelOf(chart), ...(isScatter ? { title: () => "" } : {}) },
        },
      },
    },
    plugins: [daysOff(chart, colour), bandsOf(chart, colour), marksOf(chart, colour)],
  };
}

function draw(figure) {
  const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const { colour, end } = colours();
  drawn.get(figure)?.destroy();
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  drawn.set(figure, new Chart(figure.querySelector("canvas"), configOf(chart, colour)));
  // Plugins ask for colours while they draw; ask once for all, so that the probe can go.
  for (const name of ["surface-3", "ink-2", "accent", "muted", ...chart.marks.map((mark) => mark.hue)]) {
    colour(name);
  }
  end();
  figure.dataset.isDrawn = "";
}

/** The picture on the ground that it stands on, under its title. */
function picture(figure) {
  const canvas = figure.querySelector("canvas");
  const scale = canvas.width / canvas.clientWidth;
  const head = 40 * scale;
  const edge = 16 * scale;
  const sheet = document.createElement("canvas");
  sheet.width = canvas.width + 2 * edge;
  sheet.height = canvas.height + head + edge;
  const ctx = sheet.getContext("2d");
  const style = getComputedStyle(figure);
  ctx.fillStyle = style.backgroundColor;
  ctx.fillRect(0, 0, sheet.width, sheet.height);
  ctx.fillStyle = style.color;
  ctx.font = `600 ${14 * scale}px ${style.fontFamily}`;
  ctx.fillText(figure.querySelector("h2").textContent.trim(), edge, 26 * scale, canvas.width);
  ctx.drawImage(canvas, edge, head);
  return sheet;
}

function save(figure) {
  picture(figure).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${figure.dataset.chart}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

for (const figure of figures) {
  draw(figure);
  const button = figure.querySelector("[data-png]");
  button.hidden = false;
  button.addEventListener("click", () => save(figure));
}

const page = document.documentElement;
let theme = page.dataset.bsTheme;
new MutationObserver(() => {
  if (page.dataset.bsTheme === theme) return;
  theme = page.dataset.bsTheme;
  figures.forEach(draw);
}).observe(page, { attributeFilter: ["data-bs-theme"] });

// Paper is light, and narrower than the window.
let before = null;
addEventListener("beforeprint", () => {
  before = page.dataset.bsTheme;
  page.dataset.bsTheme = "light";
  figures.forEach(draw);
});
addEventListener("afterprint", () => {
  if (before) page.dataset.bsTheme = before;
});

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
