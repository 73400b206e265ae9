// A page that lay open longer than its log-in: its forms go once somebody is known to be logged in, and lose nothing.

import { standing } from "./ask.js";

const UNDER_WAY = new Set(); // forms that are being looked after, or have gone
const LEAVES = new Set(["/logout", "/login"]);

function tell(form, text, needsLogin) {
  const line = form.querySelector("[data-unsent]") ?? form.appendChild(Object.assign(document.createElement("p"), { className: "note bad" }));
  line.dataset.unsent = "";
  line.setAttribute("role", "alert");
  line.textContent = text;
  if (needsLogin) line.append(" ", Object.assign(document.createElement("a"), { href: "/login", target: "_blank", rel: "noopener", textContent: "重新登录" }));
}

// Returns whether the form may go now, with what its write must carry.
async function mayGo(form) {
  try {
    const now = await standing();
    if (!now.isSame) return tell(form, `没有提交：现在登录的是 ${now.name}，与打开本页的人不同。填写的内容还在这里；请由原来的人登录后再按一次。`, true);
    form.elements.csrf.value = now.csrf;
    return true;
  } catch (refusal) {
    if (refusal.status === 401) tell(form, "登录已过期，没有提交。填写的内容还在这里：请在新窗口登录，再回来按一次。", true);
    else tell(form, `没有提交：${refusal.message} 填写的内容还在这里，请稍后再按一次。`);
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const isOurs = form.method === "post" && form.elements.csrf && !LEAVES.has(new URL(form.action).pathname);
  if (!isOurs || !form.requestSubmit || form.dataset.checked) return;
  event.preventDefault();
  if (UNDER_WAY.has(form)) return; // a double click is one click
  UNDER_WAY.add(form);
  if (!(await mayGo(form))) return void UNDER_WAY.delete(form);
  form.dataset.checked = "yes";
  form.requestSubmit(event.submitter);
  delete form.dataset.checked;
});

// The browser's way back shows the page as it was: then the form may go again.
addEventListener("pageshow", () => UNDER_WAY.clear());
