// Requests to the console, and what to say when one fails.

let csrf = document.querySelector("meta[name=csrf]")?.content ?? "";
const person = document.querySelector("meta[name=person]")?.content ?? "";

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// On a line that is dead without a word nothing else would end the wait, and every later step would wait behind it.
export const ANSWER_MS = 15000;

// Who is logged in in this browser now: not always who opened this page, and a log-in of today carries another token.
export async function standing() {
  const now = await ask("/account/session");
  return { ...now, isSame: String(now.person) === person };
}

// A page that is older than its log-in asks for the new token, and again.
export async function ask(path, body) {
  try {
    return await askOnce(path, body);
  } catch (refusal) {
    if (refusal.status !== 403 || body === undefined) throw refusal;
    const now = await standing();
    if (!now.isSame || now.csrf === csrf) throw refusal;
    ({ csrf } = now);
    return askOnce(path, body);
  }
}

async function askOnce(path, body) {
  const signal = AbortSignal.timeout?.(ANSWER_MS); // browsers of before 2022 lack it
  try {
    const answer = await fetch(path, body === undefined ? { signal, headers: { accept: "application/json" } } : {
      signal,
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", "x-csrf-token": csrf },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Refusal(answer.status, await reasonOf(answer));
    return await (answer.headers.get("content-type")?.includes("json") ? answer.json() : answer.text());
  } catch (fault) {
    throw fault instanceof Refusal ? fault : new Refusal(0, whatIsLost(fault.name === "TimeoutError", body === undefined));
  }
}

function whatIsLost(isSilent, isReading) {
  if (!isSilent) return isReading ? "网络不通，没有读到。请稍后再试。" : "网络不通，操作没有送达。请稍后再试。";
  const seconds = `系统 ${ANSWER_MS / 1000} 秒没有应答`;
  return isReading ? `${seconds}，请稍后再试。` : `${seconds}，不知道操作有没有送达。请再按一次，不会重复。`;
}

export async function reasonOf(answer) {
  try {
    return (await answer.json()).message;
  } catch {
    if (answer.status === 413) return "上传的内容太大，没有保存。请减小后重试。";
    return `系统没有应答（${answer.status}），请稍后再试。`;
  }
}

// What is amiss, without what to do about it: for a page that does that by itself.
export async function amiss(answer) {
  return (await reasonOf(answer)).split(/[，。]/)[0];
}

let hiding = 0;

export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 6000);
}

export function newKey() {
  return crypto.randomUUID();
}
