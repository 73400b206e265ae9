// One row of the list: what eyes need to decide, without a click.

import { plateOf, className } from "./plate.js";
import { doorOf } from "./door.js";
import { exactTime, lateWords } from "./ages.js";
import { askAgain } from "./late_picture.js";

export const FINISHED = new Set(["rejected", "closed", "expired"]);
const LEVELS = { hit: "! 命中", possible: "≈ 疑似", crossing: "⌂ 有人出入" };

export function drawRow(view, old) {
  const row = document.getElementById("row").content.firstElementChild.cloneNode(true);
  const set = (selector, text) => { row.querySelector(selector).textContent = text; };
  row.dataset.case = view.case_id;
  row.classList.add(view.level);
  row.classList.toggle("finished", FINISHED.has(view.state));
  set(".badge", LEVELS[view.level]);
  row.querySelector(".badge").classList.add(view.level);
  const isDoor = view.level === "crossing";
  row.querySelector(".plate").replaceChildren(isDoor ? doorOf(view) : plateOf(view));
  set(".kind", isDoor ? "" : className(view.plate_class));
  set(".why", view.areas.length ? `到过 ${view.areas.join("、")}` : view.why);
  set(".where", [placeOf(view), view.assignee || view.owner_name].filter(Boolean).join(" · "));
  showEarlier(row.querySelector(".again"), view);
  row.querySelector(".why").title = view.why;
  const late = lateWords(view);
  set(".late .chip", late);
  row.querySelector(".late").hidden = !late;
  showPictures(row, view, old);
  set(".state", view.result || view.state_name);
  row.querySelector(".state").title = `${view.state_name} ${view.result}`.trim();
  const age = row.querySelector(".age");
  const since = view.passed_at ?? view.opened_at;
  age.dataset.since = since;
  age.title = exactTime(since);
  const due = row.querySelector(".due");
  row.classList.toggle("overdue", Boolean(view.overdue_since));
  if (view.due_at) due.dataset.due = view.overdue_since ?? view.due_at;
  else delete due.dataset.due;
  return row;
}

// "第 2 次，自隐珠 12 分钟前": that it comes again, and what was said of it then.
function showEarlier(line, view) {
  const isDoor = view.level === "crossing";
  line.hidden = isDoor ? view.passages < 2 : !view.previous_checkpoint;
  if (line.hidden) return;
  if (isDoor) {
    line.firstElementChild.textContent = `第 ${view.passages} 次`;
    return;
  }
  const time = Object.assign(document.createElement("time"), { title: exactTime(view.previous_at) });
  time.dataset.since = view.previous_at;
  const count = view.passages > 1 ? `第 ${view.passages} 次，` : "再次出现，";
  const said = view.previous_result ? `，当时：${view.previous_result}` : "";
  line.firstElementChild.replaceChildren(`${count}自${view.previous_checkpoint} `, time, said);
}

// The lane is the camera's name, without the checkpoint's where it begins with it.
export function placeOf(view) {
  const lane = view.camera_id.startsWith(view.checkpoint) ? view.camera_id.slice(view.checkpoint.length).replace(/^[-_ ]+/, "") : view.camera_id;
  return [view.checkpoint, lane].filter(Boolean).join(" ");
}

// The same pictures as before stay where they are: they are never kept by the browser, and would be asked for again.
function showPictures(row, view, old) {
  row.dataset.event = view.event_id;
  if (old?.dataset.event === view.event_id) {
    row.querySelector(".look").replaceWith(old.querySelector(".look"));
    row.querySelector(".due").textContent = "";
    return;
  }
  const isDoor = view.level === "crossing";
  if (isDoor) row.querySelector(".nopic").textContent = "没有门口图片";
  if (!(isDoor ? view.has_vehicle_picture : view.has_plate_picture)) return;
  const show = (image, kind, calls) => {
    image.src = `/cases/${view.case_id}/events/${view.event_id}/${kind}`;
    image.hidden = false;
    askAgain(image, calls);
  };
  const nothing = row.querySelector(".nopic");
  nothing.hidden = true;
  const found = () => { nothing.hidden = true; };
  const missing = () => { nothing.hidden = false; };
  show(row.querySelector(".near"), isDoor ? "vehicle" : "plate", { found, missing });
  if (!isDoor) show(row.querySelector(".car"), "vehicle");
}
