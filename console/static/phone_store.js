// What the phone keeps for bad lines: encrypted with a key that cannot be taken out of this browser, gone at log-out.

const NAME = "kakou-phone";
const STORES = ["keys", "queue", "tasks"];

function request(call) {
  return new Promise((resolve, reject) => {
    call.onsuccess = () => resolve(call.result);
    call.onerror = () => reject(call.error);
  });
}

export class PhoneStore {
  async open() {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => STORES.forEach((store) => opening.result.createObjectStore(store));
    this.database = await request(opening);
    this.cipher = await this.loadKey();
    return this;
  }

  async loadKey() {
    const stored = await request(this.database.transaction("keys").objectStore("keys").get("main"));
    if (stored) return stored;
    const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await this.put("keys", "main", made);
    return made;
  }

  put(store, key, value) {
    return request(this.database.transaction(store, "readwrite").objectStore(store).put(value, key));
  }

  async save(store, key, content) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(content));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.cipher, plain);
    await this.put(store, key, { iv, sealed });
  }

  async read(store) {
    const records = await request(this.database.transaction(store).objectStore(store).getAll());
    const contents = await Promise.all(records.map((record) => this.unseal(record)));
    return contents.filter(Boolean);
  }

  async unseal({ iv, sealed }) {
    try {
      return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.cipher, sealed)));
    } catch {
      return null; // sealed before the last log-out: nobody can read it any more
    }
  }

  remove(store, key) {
    return request(this.database.transaction(store, "readwrite").objectStore(store).delete(key));
  }

  async forget() {
    this.database.close();
    await request(indexedDB.deleteDatabase(NAME));
  }
}
