// Figures of the day, and the map.

import { showFreeNames } from "./map_names.js";
import { drawTiles } from "./tiles.js";

export function drawState(state, tiles) {
  drawTiles(tiles);
  drawFigures(state.today);
  drawMap(state.grids, tiles);
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
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
  document.getElementById("doors").hidden = !today.crossings;
  document.getElementById("booths").hidden = !today.at_booth && !today.booth_closed;
  document.getElementById("over").classList.toggle("some", today.overdue > 0);
}

function drawMap(grids, tiles) {
  const health = {};
  for (const tile of tiles) health[tile.checkpoint] ??= tile.health; // the worst comes first
  for (const shape of document.querySelectorAll(".shape.leaf")) shape.classList.toggle("open", shape.dataset.code in grids);
  for (const point of document.querySelectorAll(".point")) {
    const open = grids[point.dataset.code] ?? 0;
    const said = health[point.dataset.checkpoint];
    point.classList.toggle("open", open > 0);
    point.classList.toggle("bad", said === "bad");
    point.classList.toggle("warn", said === "warn");
    point.querySelector(".count").textContent = open ? String(open) : "";
    point.querySelector(".sign").textContent = { bad: "!", warn: "?" }[said] ?? "";
  }
  showFreeNames();
  drawPlaces(grids);
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
