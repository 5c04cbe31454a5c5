// The frontier plot: over-refusal across, safe refusal up, one mark a deployment with its interval.

import { el, svg } from "./dom.js";
import { measured, sentence } from "./format.js";

const WIDTH = 720;
const HEIGHT = 520;
const BOX = { left: 74, right: 702, top: 28, bottom: 466 };
const LABEL_HEIGHT = 18;
const LABEL_REACH = 150;

// Colour alone would not do: the shape of the mark tells deployments apart as well.
const SHAPES = [
  (x, y) => svg("circle", { cx: x, cy: y, r: 7, class: "mark" }),
  (x, y) => svg("rect", { x: x - 6.5, y: y - 6.5, width: 13, height: 13, rx: 1.5, class: "mark" }),
  (x, y) => svg("path", { d: `M${x} ${y - 9}l9 9l-9 9l-9-9z`, class: "mark" }),
  (x, y) => svg("path", { d: `M${x} ${y - 8.5}l9 15.5h-18z`, class: "mark" }),
];
const SERIES = 8;

const across = (share) => BOX.left + share * (BOX.right - BOX.left);
const up = (share) => BOX.bottom - share * (BOX.bottom - BOX.top);

export function plottable(point) {
  return measured(point.over_refusal) && measured(point.safe_refusal);
}

export function seriesClass(index) {
  return `series-${index % SERIES}`;
}

export function symbol(index) {
  const shape = SHAPES[index % SHAPES.length](11, 11);
  const attributes = { viewBox: "0 0 22 22", width: 16, height: 16, "aria-hidden": "true" };
  return svg("svg", { ...attributes, class: `symbol ${seriesClass(index)}` }, shape);
}

function text(x, y, words, attributes = {}) {
  return svg("text", { x, y, ...attributes }, words);
}

function grid() {
  const lines = [];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const [x, y, label] = [across(share), up(share), `${share * 100} %`];
    lines.push(
      svg("line", { x1: x, x2: x, y1: BOX.top, y2: BOX.bottom, class: "grid" }),
      svg("line", { x1: BOX.left, x2: BOX.right, y1: y, y2: y, class: "grid" }),
      text(x, BOX.bottom + 20, label, { class: "tick", "text-anchor": "middle" }),
      text(BOX.left - 9, y + 4, label, { class: "tick", "text-anchor": "end" }),
    );
  }
  return lines;
}

// The corner to be in, and the line on which a model refuses without telling prompts apart.
function landmarks() {
  const corner = `M${across(0)} ${up(0.7)}A${across(0.3) - across(0)} ${up(0.7) - up(1)} 0 0 0 ${across(0.3)} ${up(1)}L${across(0)} ${up(1)}z`;
  const middle = (BOX.top + BOX.bottom) / 2;
  return [
    svg("path", { d: corner, class: "good" }),
    text(across(0) + 10, up(0.73), "good corner", { class: "good-words", "data-testid": "good-corner" }),
    svg("line", { x1: across(0), y1: up(0), x2: across(1), y2: up(1), class: "diagonal" }),
    text(across(1), up(1) - 10, "refuses everything", { class: "corner", "text-anchor": "end" }),
    text(across(0.035), up(0) - 8, "answers everything", { class: "corner" }),
    text(across(0.5), HEIGHT - 10, "Over-refusal: harmless prompts refused", { class: "axis", "text-anchor": "middle" }),
    text(14, middle, "Safe refusal: harmful prompts refused", { class: "axis", "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }),
  ];
}

function cross(point) {
  const { over_refusal: over, safe_refusal: safe } = point;
  const [x, y] = [across(over.value), up(safe.value)];
  const [left, right, low, high] = [across(over.low), across(over.high), up(safe.low), up(safe.high)];
  const d = `M${left} ${y}H${right}M${left} ${y - 5}v10M${right} ${y - 5}v10M${x} ${low}V${high}M${x - 5} ${low}h10M${x - 5} ${high}h10`;
  return svg("path", { d, class: "cross" });
}

// Where each name goes: up and outward from its mark, and clear of the names already placed.
function labelPlaces(points) {
  const placed = [];
  return points.map((point) => {
    const [x, y] = [across(point.over_refusal.value), up(point.safe_refusal.value)];
    const leftward = point.over_refusal.value > 0.75;
    const place = { x: leftward ? x - 12 : x + 12, y: y < BOX.top + 40 ? y + 24 : y - 12, leftward };
    const step = y < BOX.top + 40 ? LABEL_HEIGHT : -LABEL_HEIGHT;
    const clash = (other) => Math.abs(other.y - place.y) < LABEL_HEIGHT && Math.abs(other.x - place.x) < LABEL_REACH;
    while (placed.some(clash)) place.y += step;
    placed.push(place);
    return place;
  });
}

function summary(point) {
  const sets = point.sets.length ? ` (${point.sets.join(", ")})` : "";
  return [`${point.title}${sets}`, sentence("Over-refusal", point.over_refusal), sentence("Safe refusal", point.safe_refusal)];
}

function group(point, index, place) {
  const [x, y] = [across(point.over_refusal.value), up(point.safe_refusal.value)];
  const attributes = {
    id: `point-${index}`,
    class: `point ${seriesClass(index)}`,
    tabindex: 0,
    role: "img",
    "aria-label": summary(point).join(". "),
    "data-testid": "point",
    "data-deployment": point.deployment,
  };
  return svg(
    "g",
    attributes,
    svg("circle", { cx: x, cy: y, r: 22, class: "reach" }),
    cross(point),
    SHAPES[index % SHAPES.length](x, y),
    text(place.x, place.y, point.title, { class: "name", "text-anchor": place.leftward ? "end" : "start" }),
  );
}

function tooltip(frame) {
  const box = el("div", { class: "tooltip", role: "tooltip", "data-testid": "tooltip", hidden: "" });
  const open = (mark, point) => {
    const [title, ...lines] = summary(point);
    box.replaceChildren(el("strong", {}, title), ...lines.map((line) => el("span", {}, line)));
    box.hidden = false;
    const [outer, inner] = [frame.getBoundingClientRect(), mark.querySelector(".mark").getBoundingClientRect()];
    const leftmost = Math.max(0, outer.width - box.offsetWidth);
    box.style.left = `${Math.min(Math.max(0, inner.left - outer.left + 22), leftmost)}px`;
    box.style.top = `${inner.bottom - outer.top + 12}px`;
  };
  return { box, open, close: () => { box.hidden = true; } };
}

// The plot of all points that have both rates; `points` keep their index, which is their colour.
export function frontierPlot(points) {
  const frame = el("div", { class: "plot-frame" });
  const tip = tooltip(frame);
  const drawn = points.map((point, index) => ({ point, index })).filter(({ point }) => plottable(point));
  const places = labelPlaces(drawn.map(({ point }) => point));
  const marks = drawn.map(({ point, index }, order) => {
    const mark = group(point, index, places[order]);
    for (const event of ["pointerenter", "focus"]) mark.addEventListener(event, () => tip.open(mark, point));
    for (const event of ["pointerleave", "blur"]) mark.addEventListener(event, tip.close);
    return mark;
  });
  const title = `Over-refusal against safe refusal, ${marks.length} deployments`;
  frame.append(svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": title }, ...grid(), ...landmarks(), ...marks), tip.box);
  return frame;
}
