// Requests to the console, and what to say when one fails.

const csrf = document.querySelector("meta[name=csrf]")?.content ?? "";

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, body === undefined ? { headers: { accept: "application/json" } } : {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", "x-csrf-token": csrf },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refusal(0, "网络不通，操作没有送达。请稍后再试。");
  }
  if (!answer.ok) throw new Refusal(answer.status, await reasonOf(answer));
  return answer.headers.get("content-type")?.includes("json") ? answer.json() : answer.text();
}

export async function reasonOf(answer) {
  try {
    return (await answer.json()).message;
  } catch {
    if (answer.status === 413) return "上传的内容太大，没有保存。请减小后重试。";
    return `系统没有应答（${answer.status}），请稍后再试。`;
  }
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
