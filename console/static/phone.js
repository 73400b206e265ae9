// The grid worker's page: tasks, steps, and what happens when the line is bad.

import "./plate.js";
import { PhoneStore } from "./phone_store.js";
import { ANSWER_MS, amiss } from "./ask.js";
import { StepQueue } from "./phone_queue.js";
import { holdStill } from "./phone_still.js";
import { drawTasks, drawWaiting } from "./phone_view.js";
import { setServerTime, tick } from "./ages.js";
import { Bell } from "./bell.js";

const POLL_MS = 10000;
const REASSURANCE = "【卡口核实】今天有车辆需要核对行程，社区网格员正在按规定联系，属于正常工作。请大家不猜测、不转发车牌和个人信息，有疑问请联系网格员。";

const session = {
  csrf: "",
  account_id: null,
  name: "",
  expired: () => note("登录已过期，未上传的内容已保留。", true),
  say: toast,
};
const bell = new Bell(document.getElementById("mute"));
const known = new Set(); // tasks that this page has told of; what the first list brings is no news
let isListening = false;
const saved = { tasks: [], phone: "" };
let answered = 0; // steps that the console has answered
let store = null;
let queue = null;
let hiding = 0;

function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 6000);
}

function note(text, needsLogin = false) {
  const line = document.getElementById("line");
  holdStill(() => {
    line.textContent = text;
    line.hidden = !text;
    if (needsLogin) line.append(" ", Object.assign(document.createElement("a"), { href: "/login?next=/m", textContent: "重新登录" }));
  });
}

function draw() {
  holdStill(() => {
    drawTasks(saved, queue, act);
    tick(); // a new card's time limit is a line of it
  });
  drawWaiting(queue, (step) => queue.drop(step));
}

async function act(view, body, photo) {
  const about = { name: (view.level === "crossing" ? view.door : view.plate_text) || "隔离门", checkpoint: view.checkpoint, at: view.passed_at ?? view.opened_at };
  await queue.add(view.case_id, body, photo, about);
  const isWaiting = queue.waitingFor(view.case_id);
  if (isWaiting) toast(queue.trouble ? `${queue.trouble}，已存在手机里，恢复后自动上传。` : "没有信号，已存在手机里，有信号后自动上传。");
}

async function load() {
  const before = answered;
  let answer;
  try {
    answer = await fetch("/m/tasks", { headers: { accept: "application/json" }, signal: AbortSignal.timeout?.(ANSWER_MS) });
  } catch {
    return note("没有信号。可以照常填写，有信号后自动上传。");
  }
  if (answer.status === 401) return saved.tasks.length || queue.steps.length ? session.expired() : location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (answer.status === 403) return note("这个账号不是网格员，不能使用本页。", true);
  if (!answer.ok) return note(`${await amiss(answer)}。可以照常填写，恢复后自动上传。`);
  const list = await answer.json();
  if (answered !== before) return load(); // it may be older than what a step has shown meanwhile
  Object.assign(session, { csrf: list.csrf, account_id: list.account_id, name: list.name });
  Object.assign(saved, { tasks: list.tasks, phone: list.desk_phone, account_id: list.account_id, name: list.name });
  setServerTime(list.now);
  note("");
  document.getElementById("who").textContent = list.name;
  document.querySelector("#logout [name=csrf]").value = list.csrf;
  draw();
  wakeFor(list.tasks);
  showLinked();
  await store.save("tasks", "list", saved);
  await queue.send();
}

// A task that is new, or that its vehicle passed again for: the phone sounds and shakes.
function wakeFor(tasks) {
  const told = (task) => `${task.case_id}/${task.passages}`;
  const news = tasks.filter((task) => !known.has(told(task)));
  for (const task of tasks) known.add(told(task));
  if (isListening && news.length) {
    bell.ring(news);
    if (!bell.isMuted) navigator.vibrate?.([300, 150, 300]);
  }
  isListening = true;
}

// A link in a message names the task: it stands in the middle of the screen, or the page says why it is not there.
function showLinked() {
  const caseId = new URLSearchParams(location.search).get("case");
  if (!caseId) return;
  history.replaceState(null, "", location.pathname);
  const card = document.querySelector(`.task[data-case="${CSS.escape(caseId)}"]`);
  if (!card) return toast("这个任务不在您的任务里：还没有派出，已由他人接单，或已办结。");
  card.classList.add("linked");
  card.scrollIntoView({ block: "center" });
}

function stepDone(step, views) {
  answered += 1;
  if (views.length) saved.tasks = saved.tasks.map((task) => (task.case_id === step.case_id ? views[0] : task));
  else saved.tasks = saved.tasks.filter((task) => task.case_id !== step.case_id);
  if (step.body.action === "close") toast("✓ 结果已送达，谢谢。");
}

async function start() {
  store = await new PhoneStore(() => location.assign("/login?next=/m")).open();
  Object.assign(saved, (await store.read("tasks"))[0] ?? {});
  Object.assign(session, { account_id: saved.account_id ?? null, name: saved.name ?? "" });
  queue = await new StepQueue(store, { session, changed: draw, done: stepDone }).open();
  draw();
  wire();
  await load();
  navigator.serviceWorker?.register("/sw.js", { scope: "/m" }); // after the tasks: it fetches the shell again, on the same bad line
  setInterval(() => document.visibilityState === "visible" && load(), POLL_MS);
  setInterval(() => holdStill(tick), 1000);
}

function wire() {
  addEventListener("online", load);
  addEventListener("offline", () => note("没有信号。可以照常填写，有信号后自动上传。"));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && load());
  document.getElementById("reassure").addEventListener("click", async () => {
    await navigator.clipboard.writeText(REASSURANCE).then(() => toast("已复制，可以粘贴到微网格群。"), () => toast(REASSURANCE));
  });
  document.getElementById("logout").addEventListener("submit", async (event) => {
    event.preventDefault();
    const steps = await store.read("queue").catch(() => queue.steps); // those of other windows too
    const unsent = steps.filter((step) => !step.refused).length;
    if (unsent && !confirm(`还有 ${unsent} 条结果没有上传，退出会删除。确定退出吗？`)) return;
    await store.forget().catch(() => undefined);
    event.target.submit();
  });
}

start();
