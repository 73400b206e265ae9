// The banner of notices: what is amiss in the system itself, in one line that opens the page with what to do.

const line = document.getElementById("notices");
const said = line.querySelector(".said");

export function drawNotices({ critical, warning, text }) {
  const count = critical + warning;
  line.hidden = !count;
  line.classList.toggle("grave", critical > 0);
  const words = `异常提醒 ${count} 项${critical ? `（严重 ${critical}）` : ""}：${text}`;
  if (said.textContent !== words) said.textContent = words;
}
