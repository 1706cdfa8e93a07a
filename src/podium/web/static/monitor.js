// Keeps a monitoring page up to date; without it, the page has a link to load it again.

const POLL_MS = 5_000;
const AGAIN_MS = 1_000, AGAIN_MS_MAX = 30_000;
// So often a WebSocket may fail before it was ever open: a proxy may not let it pass.
const FAILURES_MAX = 3;
const POINTS_MAX = 300;
const HEIGHT = 170;

const page = document.querySelector("[data-live-page]");
const state = page.querySelector("[data-live-state]");
const link = state.querySelector("a");

function tell(words, isLost = false) {
  if (state.dataset.words === words) return;
  state.dataset.words = words;
  state.replaceChildren(words, ...(isLost ? [" ", link] : []));
}

// Colours of the page, which differ in the dark: a canvas needs them resolved.
const probe = page.appendChild(document.createElement("span"));
probe.hidden = true;
function colour(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

const COLOURS = ["--accent", "--warn"];
const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const SHORT_S = 240;
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", timeStyle: "medium" });

function draw(figure) {
  const columns = figure.dataset.chart.split(",").map(Number);
  const labels = figure.dataset.labels.split("|");
  const unit = figure.dataset.unit;
  const axis = {
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const shown = (value) => (value == null ? "–" : `${NUMBER.format(value)}${unit && ` ${unit}`}`);
  const options = {
    width: figure.clientWidth - 32,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    cursor: { sync: { key: "podium" }, drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
    series: [
      { label: "UTC", value: (_, seconds) => (seconds == null ? "–" : CLOCK.format(seconds * 1e3)) },
      ...columns.map((_, place) => ({
        label: labels[place],
        stroke: () => colour(COLOURS[place]),
        width: 2,
        dash: place ? [6, 4] : [],
        points: { size: 4 },
        value: (__, value) => shown(value),
      })),
    ],
    axes: [
      { ...axis, size: 28, space: 70, values: (_, ticks) => ticks.map(clock) },
      { ...axis, size: 56, space: 34, values: (_, ticks) => ticks.map((value) => NUMBER.format(value)) },
    ],
  };
  const data = () => [series[0], ...columns.map((number) => series[number])];
  figure.querySelector("svg").remove();
  figure.querySelector(".key")?.remove();
  const plot = new uPlot(options, data(), (made, ready) => {
    figure.insertBefore(made.root, figure.querySelector("figcaption"));
    ready();
  });
  const canvas = plot.root.querySelector("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-labelledby", figure.querySelector("h3").id);
  new ResizeObserver(() => plot.setSize({ width: figure.clientWidth - 32, height: HEIGHT })).observe(figure);
  return {
    redraw: () => plot.redraw(false, true),
    update: () => {
      plot.setData(data());
      if (plot.cursor.idx == null) plot.setLegend({ idx: series[0].length - 1 });
      const values = columns.flatMap((number) => series[number]).filter((value) => value != null);
      figure.querySelector("figcaption").textContent =
        values.length ? `0 to ${shown(Math.max(...values))} in the last ${minutes()}` : "No samples yet.";
    },
  };
}

// Seconds are of use while the chart is short.
function clock(seconds) {
  const text = CLOCK.format(seconds * 1e3);
  return series[0].at(-1) - series[0][0] < SHORT_S ? text : text.slice(0, 5);
}

function minutes() {
  const seconds = series[0].at(-1) - series[0][0];
  return seconds < 90 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
}

let series = JSON.parse(page.dataset.series ?? "[]");
const charts = globalThis.uPlot ? [...page.querySelectorAll("[data-chart]")].map(draw) : [];
const redraw = () => charts.forEach((chart) => chart.redraw());
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

function update() {
  if (!document.hidden && series.length) charts.forEach((chart) => chart.update());
}
document.addEventListener("visibilitychange", update);

function apply(message) {
  if (message.series) series = message.series;
  for (const point of message.points ?? []) {
    series.forEach((column, number) => {
      column.push(point[number]);
      if (column.length > POINTS_MAX) column.shift();
    });
  }
  update();
  for (const [name, html] of Object.entries(message.sections)) show(name, html);
}

// What is open stays open, and the focus where it was.
function show(name, html) {
  const place = page.querySelector(`[data-live="${name}"]`);
  if (!place) return;
  const opened = [...place.querySelectorAll("details[open]")].map((one) => one.id);
  const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = [...place.querySelectorAll(".scroll[id]")].map((one) => [one.id, one.scrollLeft]);
  place.innerHTML = html;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, left] of scrolled) document.getElementById(id)?.scrollTo({ left });
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

let againMs = AGAIN_MS, nFailures = 0;
function connect() {
  const address = new URL(page.dataset.stream, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  let isOpen = false;
  socket.addEventListener("open", () => {
    isOpen = true;
    againMs = AGAIN_MS;
    nFailures = 0;
    tell("Live: the page changes by itself.");
  });
  socket.addEventListener("message", (event) => apply(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    nFailures += isOpen ? 0 : 1;
    if (nFailures >= FAILURES_MAX) {
      poll();
      return;
    }
    if (!isOpen) tell("The connection was lost; trying again.", true);
    setTimeout(connect, againMs * (0.5 + Math.random() / 2));
    againMs = Math.min(againMs * 2, AGAIN_MS_MAX);
  });
}

async function poll() {
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (response.redirected || response.status === 401 || response.status === 403) {
      tell("You were logged out.", true);
      return;
    }
    if (response.ok) {
      const found = new DOMParser().parseFromString(await response.text(), "text/html");
      const parts = [...found.querySelectorAll("[data-live]")];
      const sent = found.querySelector("[data-live-page]").dataset.series;
      apply({
        series: sent && JSON.parse(sent),
        sections: Object.fromEntries(parts.map((one) => [one.dataset.live, one.innerHTML])),
      });
      tell("The page is brought up to date every 5 seconds.");
    } else tell("The server is busy; trying again.", true);
  } catch {
    tell("The server can't be reached; trying again.", true);
  }
  setTimeout(poll, POLL_MS);
}

if (page.dataset.stream) connect();
else setTimeout(poll, POLL_MS);
