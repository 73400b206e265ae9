// Runs before anything is drawn: the wall is dark by default (booths at night), the phone light (sun).
(() => {
  const face = document.documentElement.dataset.face;
  const stored = localStorage.getItem("kakou-theme");
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const label = () => {
    const words = document.documentElement.dataset.theme === "dark" ? "浅色" : "深色";
    for (const button of document.querySelectorAll("[data-theme-switch]")) button.textContent = words;
  };
  addEventListener("DOMContentLoaded", label);
  document.documentElement.dataset.theme = stored || { screen: "dark", phone: "light" }[face] || system;
  addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-switch]")) return;
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("kakou-theme", next);
    label();
  });
})();
// On a phone the menu is one line that scrolls: where one is stands in it, once the styles are there.
addEventListener("load", () => document.querySelector(".menu [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }));
