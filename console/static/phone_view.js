// Draws the tasks; text only ever enters as text.

import { plateOf } from "./plate.js";
import { doorOf } from "./door.js";
import { clockTime, exactTime, lateWords } from "./ages.js";
import { askAgain } from "./late_picture.js";
import { holdStill } from "./phone_still.js";
import { shrink } from "./phone_photo.js";

const OUTCOMES = {
  true: ["属实", "确实到过"], list_error: ["名单有误", "没有到过"], misread: ["识别错误", "不是这辆车"], cloned: ["疑似套牌", "车和号牌不符"],
  unreachable: ["联系不上", "转上级再联系"], transit: ["过境未停留", "只是路过"], handed_over: ["移交", "交社区或疾控"],
};
const AT_DOORS = {
  allowed: ["允许出入", "核实过：核酸、就医等"], visitor: ["外来人员", "送物、上门，已提醒"], breach: ["违规外出", "已劝返"],
  false_alarm: ["误报", "没有人出入"], unreachable: ["联系不上", "转上级再联系"], handed_over: ["移交", "交社区或疾控"],
};
const DUE = {
  assigned: ["请在 {}内接单", "已超时 {}，请尽快接单"],
  accepted: ["请在 {}内联系上", "已超时 {}，请尽快联系"],
  verifying: ["请在 {}内提交结果", "已超时 {}，请尽快提交结果"],
  escalated: ["已报上级一起跟进，请尽快办理", "已报上级一起跟进，请尽快办理"],
};
const LEVELS = { hit: "! 命中", possible: "≈ 疑似", crossing: "⌂ 有人出入" };
const MINE = new Set(["accepted", "verifying", "escalated"]);

export function drawTasks({ tasks, phone }, queue, act) {
  const box = document.getElementById("tasks");
  document.getElementById("count").textContent = tasks.length ? String(tasks.length) : "";
  const drafts = new Map([...box.children].map((element) => [element.dataset.key, element]));
  if (!tasks.length) {
    box.replaceChildren(Object.assign(document.createElement("p"), { className: "empty", textContent: "现在没有任务。有新任务时会出现在这里，不用一直看着。" }));
    return;
  }
  // A card that somebody is filling in stays the very same element; when the case changed, its form does.
  const forms = new Map([...box.children].map((card) => [card.dataset.case, card.querySelector?.(".result:not([hidden])")]));
  const typing = document.activeElement;
  place(box, tasks.map((view) => {
    const waiting = queue.waitingFor(view.case_id);
    const key = `${view.case_id}/${view.version}/${waiting ? waiting.body.key : ""}`;
    return drafts.get(key) ?? drawTask(view, key, waiting, phone, act, forms.get(String(view.case_id)));
  }));
  if (box.contains(typing)) typing.focus({ preventScroll: true }); // its form moved to the card of the changed case
}

// A card that is where it belongs is not touched: taken out and put back, it would lose the keyboard and a tap that is half done.
function place(box, cards) {
  for (const element of [...box.children]) if (!cards.includes(element)) element.remove();
  cards.forEach((card, at) => { if (box.children[at] !== card) box.insertBefore(card, box.children[at] ?? null); });
}

function drawTask(view, key, waiting, phone, act, form) {
  const card = document.getElementById("task").content.firstElementChild.cloneNode(true);
  const find = (selector) => card.querySelector(selector);
  card.dataset.key = key;
  card.dataset.case = view.case_id;
  card.classList.add(view.level);
  find(".badge").textContent = LEVELS[view.level];
  find(".state").textContent = view.state_name;
  const since = view.passed_at ?? view.opened_at;
  Object.assign(find(".age"), { title: exactTime(since) }).dataset.since = since;
  const isDoor = view.level === "crossing";
  find(".plate").append(isDoor ? doorOf(view) : plateOf(view));
  const late = lateWords(view); // made here: the page that was kept for bad lines may be an older one
  if (late) find(".plate").after(Object.assign(document.createElement("span"), { className: "chip warn", textContent: late }));
  if (isDoor) find(".plain").textContent = "这扇门有人出入，请去看，或视频核实。";
  else find(".plain").textContent = view.areas.length ? `这辆车的行程中有：${view.areas.join("、")}。请核实。` : "请核实这辆车的行程。";
  find(".where").textContent = `${view.checkpoint}，${view.grid_name}`;
  const [left, over] = DUE[view.state] ?? [];
  if (view.due_at) Object.assign(find(".due").dataset, { due: view.due_at, left, over });
  const isMine = view.is_mine && MINE.has(view.state);
  showWords(find(".words"), view, isMine);
  if (view.has_plate_picture && isMine) {
    const crop = find(".near");
    crop.hidden = false;
    crop.src = `/cases/${view.case_id}/events/${view.event_id}/plate`;
    askAgain(crop, { change: holdStill });
  }
  if (view.has_vehicle_picture && isMine) {
    const [figure, image] = [find(".photo"), find(".photo img")];
    figure.hidden = false;
    image.src = `/cases/${view.case_id}/events/${view.event_id}/vehicle`;
    askAgain(image, { found: () => { figure.hidden = false; }, missing: () => { figure.hidden = true; }, change: holdStill });
  }
  find(".todo").hidden = !isMine;
  if (isDoor) tellOfDoor(find(".todo"));
  find(".accept").hidden = isMine || Boolean(waiting);
  find(".accept").addEventListener("click", () => act(view, { action: "accept" }));
  if (waiting) {
    find(".sent").hidden = false;
    const what = waiting.body.action === "close" ? "结果" : "接单";
    find(".sent").textContent = `${what}已存在手机里（${clockTime(waiting.done_at ?? waiting.number)} 办的），连上系统后自动上传。`;
  }
  if (isMine && !waiting) {
    if (form) find(".result").replaceWith(form);
    else drawForm(find(".result"), view, phone, act);
    find(".contacted").hidden = view.state !== "accepted";
  }
  return card;
}

function tellOfDoor(box) {
  const words = [["要做", "去看或视频核实：谁出入、为什么；违规外出的劝返。"], ["不要做", "不强行进门、不拍人脸、不在群里说是哪一家。"]];
  box.replaceChildren(...words.map(([name, said]) => {
    const line = document.createElement("p");
    line.append(Object.assign(document.createElement("strong"), { textContent: name }), ` ${said}`);
    return line;
  }));
}

// What the desk wrote, and where the vehicle stayed: what a worker asks about on the telephone.
function showWords(list, view, isMine) {
  const entries = [
    ["值班台的话", view.desk_note], ["出入", view.passages > 1 && view.level === "crossing" ? `第 ${view.passages} 次` : ""], ["停留", isMine ? view.stays.join("；") : ""],
    ["再次经过", view.passages > 1 && view.level !== "crossing" ? `第 ${view.passages} 次，上次在${view.previous_checkpoint}` : ""],
  ].filter(([, words]) => words);
  list.hidden = !entries.length;
  list.replaceChildren(...entries.flatMap(([name, words]) => [
    Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: words, className: name === "停留" ? "stays" : "" }),
  ]));
}

function drawForm(form, view, phone, act) {
  form.hidden = false;
  const isDoor = view.level === "crossing";
  if (isDoor) {
    form.querySelector(".contacted").textContent = "已到场，还在核实";
    form.querySelector(".how").lastElementChild.replaceChildren(Object.assign(document.createElement("input"), { type: "radio", name: "channel", value: "视频" }), " 视频");
  }
  if (view.meeting_url) {
    form.prepend(Object.assign(document.createElement("a"), { className: "button meet", href: view.meeting_url, target: "_blank", rel: "noopener noreferrer", textContent: "视频核实" }));
  }
  const call = form.querySelector(".call");
  if (phone) Object.assign(call, { hidden: false, href: `tel:${phone}` });
  form.querySelector(".options").append(...Object.entries(isDoor ? AT_DOORS : OUTCOMES).map(([value, [words, hint]]) => {
    const label = document.createElement("label");
    const text = Object.assign(document.createElement("span"), { textContent: words });
    text.append(Object.assign(document.createElement("small"), { textContent: hint }));
    label.append(Object.assign(document.createElement("input"), { type: "radio", name: "outcome", value, required: true }), text);
    return label;
  }));
  form.querySelector(".contacted").addEventListener("click", (event) => {
    event.target.hidden = true;
    act(view, { action: "contact" });
  });
  const note = form.querySelector("[name=note]");
  const check = () => {
    const outcome = new FormData(form).get("outcome");
    note.required = outcome === "list_error"; // it takes the vehicle off the whole county's list
    note.placeholder = note.required ? "必填：凭什么说没有到过" : "";
    if (note.required) form.querySelector(".extra").open = true;
    form.querySelector(".submit").disabled = !outcome || (note.required && !note.value.trim());
  };
  form.addEventListener("change", check);
  note.addEventListener("input", check);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = form.querySelector(".submit");
    submit.disabled = true; // a double tap is one tap
    const content = new FormData(form);
    const photo = await shrink(content.get("photo"));
    await act(view, { action: "close", reason: content.get("outcome"), channel: content.get("channel"), note: content.get("note") }, photo);
  });
}

// What the worker knows of the case: as the card showed it, a masked plate masked.
function nameOf({ case_id: number, about }) {
  return about ? `${about.name}（${about.checkpoint}，${exactTime(about.at)}）` : `事件单 ${number} `;
}

export function drawWaiting(queue, drop) {
  const refused = queue.own().filter((step) => step.refused);
  const others = queue.steps.length - queue.own().length;
  const box = document.getElementById("waiting");
  box.hidden = !refused.length && !others;
  const ofOthers = `这部手机里还有另一位网格员没有办完的 ${others} 条：由本人在这部手机上登录后自动上传。退出登录会删除。`;
  box.replaceChildren(...(others ? [Object.assign(document.createElement("div"), { className: "note", textContent: ofOthers })] : []), ...refused.map((step) => {
    const note = Object.assign(document.createElement("div"), { className: "note bad", textContent: `${nameOf(step)}${step.isKept ? "" : "没有提交成功"}：${step.refused}` });
    const chosen = { ...OUTCOMES, ...AT_DOORS }[step.body.reason]?.[0];
    if (chosen) note.append(Object.assign(document.createElement("p"), { textContent: `您选的结果：${chosen}` }));
    if (step.body.note) note.append(Object.assign(document.createElement("p"), { textContent: `您写的说明：${step.body.note}` }));
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "知道了" });
    button.addEventListener("click", () => drop(step));
    note.append(document.createElement("br"), button);
    return note;
  }));
}
