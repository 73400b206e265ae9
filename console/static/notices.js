// The banner of notices: what is amiss in the system itself, in one line that opens the page with what to do.

const line = document.getElementById("notices");

export function drawNotices({ critical, warning, text }) {
  const count = critical + warning;
  line.hidden = !count;
  line.classList.toggle("grave", critical > 0);
  const said = `异常提醒 ${count} 项${critical ? `（严重 ${critical}）` : ""}：${text}`;
  if (line.textContent !== said) line.textContent = said;
}
