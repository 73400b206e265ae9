// What the phone keeps for bad lines: encrypted with a key that cannot be taken out of this browser, gone at log-out.

const NAME = "kakou-phone";
const STORES = ["keys", "queue", "tasks"];
const PATIENCE_MS = 2000;

function request(call) {
  return new Promise((resolve, reject) => {
    call.onsuccess = () => resolve(call.result);
    call.onerror = () => reject(call.error);
  });
}

export class PhoneStore {
  // `forgotten` is called when another window of this phone logged out.
  constructor(forgotten) {
    this.forgotten = forgotten;
  }

  async open() {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => STORES.forEach((store) => opening.result.createObjectStore(store));
    this.database = await request(opening);
    // A database that is open here cannot be deleted there.
    this.database.onversionchange = () => {
      this.database.close();
      this.forgotten();
    };
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

  // Nobody waits for ever to log out: a window that does not let go of the database keeps it, emptied.
  forget() {
    const patience = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS); });
    return Promise.race([this.delete(), patience]);
  }

  async delete() {
    const clearing = this.database.transaction(STORES, "readwrite");
    await Promise.all(STORES.map((store) => request(clearing.objectStore(store).clear())));
    this.database.close();
    await request(indexedDB.deleteDatabase(NAME));
  }
}
