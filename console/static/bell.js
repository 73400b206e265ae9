// One sound per new case; mute is remembered. Browsers allow sound only after the first click or key: until then the button asks for it.

export class Bell {
  constructor(button) {
    this.button = button;
    this.isMuted = localStorage.getItem("kakou-muted") === "yes";
    this.context = new AudioContext();
    this.context.addEventListener("statechange", () => this.label());
    button.addEventListener("click", () => this.toggle());
    addEventListener("pointerdown", () => this.wake());
    addEventListener("keydown", () => this.wake());
    this.label();
  }

  toggle() {
    if (this.isJustWoken && !this.isMuted) return; // this very click gave the sound: do not take it away again
    this.isMuted = !this.isMuted;
    localStorage.setItem("kakou-muted", this.isMuted ? "yes" : "no");
    this.label();
  }

  label() {
    const isSilent = !this.isMuted && this.context.state !== "running";
    this.button.textContent = this.isMuted ? "声音关" : isSilent ? "点击开启声音" : "声音开";
    this.button.classList.toggle("asks", isSilent);
    this.button.setAttribute("aria-pressed", String(this.isMuted));
  }

  wake() {
    this.isJustWoken = this.context.state !== "running";
    if (this.isJustWoken) this.context.resume();
  }

  ring(views) {
    if (this.isMuted || this.context.state !== "running" || !views.length) return;
    const isHit = views.some((view) => view.level === "hit");
    this.tone(isHit ? 880 : 620, 0);
    if (isHit) this.tone(1174, 0.16);
  }

  tone(frequency, delay) {
    const start = this.context.currentTime + delay;
    const oscillator = new OscillatorNode(this.context, { frequency, type: "triangle" });
    const gain = new GainNode(this.context, { gain: 0 });
    gain.gain.linearRampToValueAtTime(0.25, start + 0.01);
    gain.gain.exponentialRampToValueAtTime(0.001, start + 0.35);
    oscillator.connect(gain).connect(this.context.destination);
    oscillator.start(start);
    oscillator.stop(start + 0.4);
  }
}
