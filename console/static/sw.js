// Keeps the phone page's shell for bad lines. The shell holds nothing about anybody; tasks are never kept here.

const SHELL = "kakou-shell-17";
const FILES = [
  "/m", "/static/theme.js", "/static/base.css", "/static/plate.css", "/static/phone.css", "/static/phone.js",
  "/static/plate.js", "/static/ages.js", "/static/ask.js", "/static/phone_store.js", "/static/phone_queue.js",
  "/static/phone_view.js", "/static/phone_still.js", "/static/phone_photo.js", "/static/door.js", "/static/late_picture.js", "/static/bell.js", "/static/icon.svg", "/m/manifest.webmanifest",
];

addEventListener("install", (event) => {
  skipWaiting();
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)));
});

addEventListener("activate", (event) => {
  event.waitUntil(caches.keys()
    .then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))))
    .then(() => clients.claim()));
});

// The network first, so that a new version shows at once; the kept shell where there is no line, or one that says nothing.
const PATIENCE_MS = 4000;
const GIVEN_UP_MS = 30000; // the files of a page that was taken from here are: one page, one version
let givenUpAt = -Infinity;

addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !FILES.includes(pathname)) return;
  const fetched = fetchAndKeep(event.request, pathname);
  event.waitUntil(fetched.catch(() => undefined));
  event.respondWith(fetchedOrKept(fetched, pathname));
});

async function fetchAndKeep(request, pathname) {
  const answer = await fetch(request);
  if (answer.ok) (await caches.open(SHELL)).put(pathname, answer.clone());
  return answer;
}

async function fetchedOrKept(fetched, pathname) {
  const kept = await caches.match(pathname);
  if (!kept) return fetched;
  if (performance.now() - givenUpAt < GIVEN_UP_MS) return kept;
  const silence = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS); });
  const answer = await Promise.race([fetched.catch(() => undefined), silence]);
  if (answer && answer.status < 500) return answer; // a proxy speaks although its console does not
  givenUpAt = performance.now();
  return kept;
}
