// A picture comes after its event, from a box on a bad line a good while after: it is asked for again.

const PAUSES_S = [1, 1, 2, 3, 5, 8, 13, 20, 30, 30, 30];

// `found` and `missing` are called as often as the picture is there or not; whatever moves on the page then, moves in `change`.
export function askAgain(image, { found, missing, change = (moving) => moving() } = {}) {
  const source = image.src;
  let tries = 0;
  image.addEventListener("load", () => change(() => {
    image.hidden = false;
    found?.();
  }));
  image.addEventListener("error", () => {
    change(() => {
      image.hidden = true;
      missing?.();
    });
    if (tries === PAUSES_S.length) return;
    const pause = PAUSES_S[tries++];
    setTimeout(() => {
      if (!image.isConnected) return;
      image.loading = "eager"; // a hidden picture is never near enough to be loaded lazily
      image.src = `${source}?try=${tries}`;
    }, pause * 1000);
  });
}
