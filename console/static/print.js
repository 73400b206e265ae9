// A button that prints the page: on paper, or into a file.
for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());
