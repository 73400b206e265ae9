// <kk-plate data-text data-class data-probs data-other>: draws a plate as a plate. Text only ever enters as text.

const COLOURS = {
  "01": "yellow", "15": "yellow", "16": "yellow", "51": "green-large", "52": "green",
  "23": "white", "24": "white", "31": "white", "32": "white",
  "03": "black", "04": "black", "05": "black", "06": "black", "26": "black", "27": "black",
};
const CLASS_NAMES = {
  "01": "大型汽车", "02": "小型汽车", "03": "使馆", "04": "领馆", "05": "境外", "06": "外籍", "07": "普通摩托", "08": "轻便摩托",
  "13": "低速车", "15": "挂车", "16": "教练车", "18": "试验车", "22": "临时牌", "23": "警车", "24": "警用摩托",
  "26": "香港入出境", "27": "澳门入出境", "31": "武警", "32": "军队", "51": "大型新能源", "52": "小型新能源",
};
const RED = new Set(["警", "使", "领"]);
const WEAK = 0.9;

export function className(code) {
  return CLASS_NAMES[code] || "其他车型";
}

export function plateOf(view) {
  const plate = document.createElement("kk-plate");
  setPlate(plate, view);
  return plate;
}

export function setPlate(plate, view) {
  plate.dataset.class = view.plate_class;
  plate.dataset.probs = (view.char_probs || []).join(",");
  plate.dataset.other = view.level === "possible" ? view.other_reading || "" : "";
  plate.dataset.text = view.plate_text || "已删除";
}

class Plate extends HTMLElement {
  static observedAttributes = ["data-text"];

  connectedCallback() { this.draw(); }
  attributeChangedCallback() { this.draw(); }

  draw() {
    const text = [...(this.dataset.text || this.textContent)];
    const other = [...(this.dataset.other || "")];
    const probs = (this.dataset.probs || "").split(",").filter(Boolean).map(Number);
    this.dataset.colour = COLOURS[this.dataset.class] || "blue";
    this.setAttribute("role", "img");
    this.setAttribute("aria-label", label(text, other, probs));
    this.replaceChildren(...text.flatMap((character, index) => {
      const drawn = [drawCharacter(character, probs[index], other.length === text.length ? other[index] : character)];
      if (index === 1 && text.length > 6) drawn.push(Object.assign(document.createElement("span"), { className: "dot" }));
      return drawn;
    }));
  }
}

function drawCharacter(character, probability, other) {
  const box = document.createElement("span");
  box.className = "c";
  box.textContent = character;
  box.classList.toggle("red", RED.has(character));
  if (other !== character) {
    box.classList.add("differs");
    box.append(Object.assign(document.createElement("small"), { textContent: other }));
  }
  if (probability !== undefined && probability < WEAK) {
    box.title = `把握 ${Math.round(probability * 100)}%`;
    const line = Object.assign(document.createElement("span"), { className: "weak" });
    line.style.opacity = String(Math.max(0.35, 1 - probability * 0.6));
    box.append(line);
  }
  return box;
}

function label(text, other, probs) {
  const weak = text.filter((_, index) => probs[index] !== undefined && probs[index] < WEAK);
  const doubts = other.length ? `，也可能是 ${other.join("")}` : "";
  return `号牌 ${text.join("")}${doubts}${weak.length ? `，不确定的字符 ${weak.join("、")}` : ""}`;
}

customElements.define("kk-plate", Plate);
