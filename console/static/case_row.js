// One row of the list: what eyes need to decide, without a click.

import { plateOf, className } from "./plate.js";
import { exactTime, lateWords } from "./ages.js";
import { askAgain } from "./late_picture.js";

export const FINISHED = new Set(["rejected", "closed", "expired"]);
const LEVELS = { hit: "✓ 命中", possible: "≈ 疑似" };

export function drawRow(view, old) {
  const row = document.getElementById("row").content.firstElementChild.cloneNode(true);
  const set = (selector, text) => { row.querySelector(selector).textContent = text; };
  row.dataset.case = view.case_id;
  row.classList.add(view.level);
  row.classList.toggle("finished", FINISHED.has(view.state));
  set(".badge", LEVELS[view.level]);
  row.querySelector(".badge").classList.add(view.level);
  row.querySelector(".plate").replaceChildren(plateOf(view));
  set(".kind", className(view.plate_class));
  set(".why", view.areas.length ? `到过 ${view.areas.join("、")}` : view.why);
  set(".where", [placeOf(view), view.assignee || view.owner_name, view.passages > 1 && `经过 ${view.passages} 次`].filter(Boolean).join(" · "));
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
  if (view.due_at) row.querySelector(".due").dataset.due = view.due_at;
  else delete row.querySelector(".due").dataset.due;
  return row;
}

// The lane is the camera's name, without the checkpoint's where it begins with it.
function placeOf(view) {
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
  if (!view.has_plate_picture) return;
  const show = (image, kind, calls) => {
    image.src = `/cases/${view.case_id}/events/${view.event_id}/${kind}`;
    image.hidden = false;
    askAgain(image, calls);
  };
  const nothing = row.querySelector(".nopic");
  nothing.hidden = true;
  const found = () => { nothing.hidden = true; };
  const missing = () => { nothing.hidden = false; };
  show(row.querySelector(".near"), "plate", { found, missing });
  show(row.querySelector(".car"), "vehicle");
}
