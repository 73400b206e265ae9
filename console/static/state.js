// Tiles, figures of the day, the map, and the lane strip.

import { plateOf } from "./plate.js";
import { toast } from "./ask.js";

const LANE_MS = 6000;
const LANES_SHOWN = 5;
const MARKS = { ok: "✓ 正常", warn: "? 留意", bad: "! 故障" };
const OUTCOMES = { clear: "✓ 无风险", flagged: "! 预警", unchecked: "? 未核对" };

export function drawState(state) {
  drawTiles(state.tiles);
  drawFigures(state.today);
  drawMap(state);
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
}

function drawTiles(tiles) {
  const box = document.getElementById("tiles");
  if (!tiles.length) {
    box.replaceChildren(make("p", "muted small", "还没有卡口上报。启动卡口盒子（kakou run）后，这里显示每个卡口的状态。"));
    return;
  }
  // A tile stays the same element, so that the keyboard's focus stays on it.
  const known = new Map([...box.querySelectorAll(".tile")].map((element) => [element.dataset.key, element]));
  box.replaceChildren(...tiles.map((tile) => {
    const key = `${tile.checkpoint}/${tile.camera_id}`;
    return fillTile(known.get(key) ?? makeTile(key), tile);
  }));
}

function makeTile(key) {
  const element = Object.assign(make("button"), { type: "button" });
  element.dataset.key = key;
  element.append(make("b"), make("span", "mark"), make("span", "says"));
  element.addEventListener("click", () => toast(element.title));
  return element;
}

function fillTile(element, tile) {
  const well = () => `${tile.fps.toFixed(0)} 帧/秒 · 识读 ${spoken(tile.last_read_s)} · 名单 v${tile.list_version} ${spoken(tile.list_age_s)}`;
  const says = tile.problems.length ? tile.problems.join(" · ") : well();
  element.className = `tile ${tile.health}`;
  element.querySelector("b").textContent = tile.checkpoint;
  element.querySelector(".mark").textContent = MARKS[tile.health];
  element.querySelector(".says").textContent = says;
  element.title = [
    `${tile.checkpoint} ${tile.camera_id}：${tile.problems.join("，") || "正常"}`,
    `${tile.fps === null ? "—" : tile.fps.toFixed(0)} 帧/秒，最近识读 ${spoken(tile.last_read_s)}`,
    `名单 v${tile.list_version ?? "—"}，${spoken(tile.list_age_s)}`,
    `未核对 ${tile.unchecked ?? "—"}，待发送 ${tile.queue ?? "—"}`,
  ].join("\n");
  return element;
}

function spoken(seconds) {
  return seconds === null || seconds === undefined ? "—" : seconds < 120 ? `${Math.round(seconds)} 秒前` : `${Math.round(seconds / 60)} 分钟前`;
}

function drawFigures(today) {
  const shown = {
    false_share: today.false_share === null ? "—" : `${(today.false_share * 100).toFixed(1)}%`,
    median_verify_s: today.median_verify_s === null ? "—" : `${Math.round(today.median_verify_s)} 秒`,
  };
  for (const element of document.querySelectorAll("[data-count]")) {
    const name = element.dataset.count;
    element.textContent = shown[name] ?? today[name].toLocaleString("zh-CN");
  }
  document.getElementById("over").classList.toggle("some", today.overdue > 0);
}

function drawMap(state) {
  const worst = { ok: 0, warn: 1, bad: 2 };
  const health = {};
  for (const tile of state.tiles) {
    if (!(worst[health[tile.checkpoint]] > worst[tile.health])) health[tile.checkpoint] = tile.health;
  }
  for (const shape of document.querySelectorAll(".shape.leaf")) shape.classList.toggle("open", shape.dataset.code in state.grids);
  for (const point of document.querySelectorAll(".point")) {
    const open = state.grids[point.dataset.code] ?? 0;
    point.classList.toggle("open", open > 0);
    point.classList.toggle("bad", health[point.dataset.checkpoint] === "bad");
    point.classList.toggle("warn", health[point.dataset.checkpoint] === "warn");
    point.querySelector(".count").textContent = open ? String(open) : "";
  }
  drawPlaces(state.grids);
}

function drawPlaces(grids) {
  const names = Object.fromEntries([...document.querySelectorAll(".shape")].map((shape) => [shape.dataset.code, shape.dataset.name]));
  const busiest = Object.entries(grids).sort((a, b) => b[1] - a[1]).slice(0, 8);
  document.getElementById("places").replaceChildren(...busiest.map(([code, open]) => {
    const item = make("li", "", names[code] ?? code);
    item.append(make("b", "", `未办结 ${open}`));
    return item;
  }));
}

export function showLane(passage) {
  const lanes = document.getElementById("lanes");
  const item = make("li", `lane ${passage.outcome}`);
  item.append(plateOf({ plate_text: passage.text, plate_class: passage.plate_class }), make("b", "", OUTCOMES[passage.outcome]), make("span", "muted", passage.checkpoint));
  lanes.prepend(item); // drawn from the right: the newest stands there, what has no room is not drawn in half
  while (lanes.children.length > LANES_SHOWN) lanes.lastChild.remove();
  setTimeout(() => item.remove(), LANE_MS);
}
