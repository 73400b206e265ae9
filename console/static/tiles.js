// The health of the checkpoints: the worst first, faults counted where they cannot scroll away, healthy ones folded.

import { toast } from "./ask.js";

const MARKS = { ok: "✓ 正常", warn: "? 异常提醒", bad: "! 故障" };
const SHOWN_HEALTHY = 3; // as many need no folding
let isUnfolded = false;

export function drawTiles(tiles) {
  const box = document.getElementById("tiles");
  drawCounts(tiles);
  if (!tiles.length) {
    box.replaceChildren(make("p", "muted small", "还没有卡口上报。启动卡口盒子（kakou run）后，这里显示每个卡口的状态。"));
    return;
  }
  // A tile stays the same element, so that the keyboard's focus stays on it.
  const known = new Map([...box.querySelectorAll(".tile")].map((element) => [element.dataset.key, element]));
  const healthy = tiles.filter((tile) => tile.health === "ok");
  const isFolding = healthy.length > SHOWN_HEALTHY;
  const shown = isFolding && !isUnfolded ? tiles.filter((tile) => tile.health !== "ok") : tiles;
  const elements = shown.map((tile) => {
    const key = `${tile.checkpoint}/${tile.camera_id}`;
    return fillTile(known.get(key) ?? makeTile(key), tile);
  });
  if (isFolding) elements.push(fold(known.get("fold"), healthy.length, () => drawTiles(tiles)));
  const isSame = elements.length === box.children.length && elements.every((element, at) => box.children[at] === element);
  if (!isSame) box.replaceChildren(...elements);
}

function make(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text ?? "" });
}

// Tiles are cameras; what people count is checkpoints.
function drawCounts(tiles) {
  const of = (health) => new Set(tiles.filter((tile) => tile.health === health).map((tile) => tile.checkpoint)).size;
  const [bad, warn] = [of("bad"), of("warn")];
  const box = document.getElementById("faults");
  const words = [bad && `! 故障 ${bad}`, warn && `? 异常提醒 ${warn}`].filter(Boolean);
  if (box.textContent === words.join("")) return;
  box.replaceChildren(...words.map((text) => make("span", `fault ${text[0] === "!" ? "bad" : "warn"}`, text)));
}

function fold(old, count, again) {
  const element = old ?? Object.assign(make("button", "tile ok fold"), { type: "button" });
  element.dataset.key = "fold";
  element.setAttribute("aria-expanded", String(isUnfolded));
  element.textContent = isUnfolded ? "收起正常的卡口" : `✓ ${count} 路正常`;
  element.onclick = () => { isUnfolded = !isUnfolded; again(); };
  return element;
}

function makeTile(key) {
  const element = Object.assign(make("button"), { type: "button" });
  element.dataset.key = key;
  element.append(make("b"), make("span", "mark"), make("span", "says"));
  element.addEventListener("click", () => toast(element.title));
  return element;
}

function fillTile(element, tile) {
  const well = () => `${tile.fps === null ? "相机上报" : `${tile.fps.toFixed(0)} 帧/秒`} · 识别 ${spoken(tile.last_read_s)} · 名单 v${tile.list_version} ${spoken(tile.list_age_s)}`;
  const says = tile.problems.length ? tile.problems.join(" · ") : well();
  element.className = `tile ${tile.health}`;
  element.querySelector("b").textContent = tile.checkpoint;
  element.querySelector(".mark").textContent = MARKS[tile.health];
  element.querySelector(".says").textContent = says;
  element.title = [
    `${tile.checkpoint} ${tile.camera_id}：${tile.problems.join("，") || "正常"}`,
    `${tile.fps === null ? "—" : tile.fps.toFixed(0)} 帧/秒，最近识别 ${spoken(tile.last_read_s)}`,
    `名单 v${tile.list_version ?? "—"}，${spoken(tile.list_age_s)}`,
    `未核对 ${tile.unchecked ?? "—"}，待发送 ${tile.queue ?? "—"}`,
  ].join("\n");
  return element;
}

function spoken(seconds) {
  return seconds === null || seconds === undefined ? "—" : seconds < 120 ? `${Math.round(seconds)} 秒前` : `${Math.round(seconds / 60)} 分钟前`;
}
