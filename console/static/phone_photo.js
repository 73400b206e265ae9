// Makes a photo small before it goes over a bad line; the browser's own decoder reads it, whatever the camera wrote.

const LONGEST_SIDE = 1600;
const MAX_UNREADABLE = 1024 * 1024;

// Returns { name, data (base64 of a JPEG) } or null without a photo. What is no picture goes as it is: the console says so.
export async function shrink(file) {
  if (!file || !file.size) return null;
  const blob = await asJpeg(file).catch(() => file.slice(0, MAX_UNREADABLE));
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { name: file.name, data: btoa(text) };
}

async function asJpeg(file) {
  const picture = await createImageBitmap(file);
  const factor = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.round(picture.width * factor), Math.round(picture.height * factor));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.82 });
}
