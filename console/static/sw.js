// Keeps the phone page's shell for bad lines. The shell holds nothing about anybody; tasks are never kept here.

const SHELL = "kakou-shell-9";
const FILES = [
  "/m", "/static/theme.js", "/static/base.css", "/static/plate.css", "/static/phone.css", "/static/phone.js",
  "/static/plate.js", "/static/ages.js", "/static/ask.js", "/static/phone_store.js", "/static/phone_queue.js",
  "/static/phone_view.js", "/static/phone_photo.js", "/static/door.js", "/static/late_picture.js", "/static/bell.js", "/static/icon.svg", "/m/manifest.webmanifest",
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

// The network first, so that a new version shows at once; the kept shell only when there is no line.
addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !FILES.includes(pathname)) return;
  event.respondWith(fetch(event.request)
    .then(async (answer) => {
      if (answer.ok) (await caches.open(SHELL)).put(pathname, answer.clone());
      return answer;
    })
    .catch(() => caches.match(pathname).then((kept) => kept ?? Response.error())));
});
