// Where typed and unsaved texts are kept in this browser, by a key that begins with what they are
// and whose: what the browser forbids to store stays at least until the page goes.
const KEPT_MS = 30 * 24 * 3600 * 1000;
const memory = new Map();

export function readDraft(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

export function writeDraft(key, draft) {
  memory.set(key, { ...draft, at: Date.now() });
  try {
    localStorage.setItem(key, JSON.stringify(memory.get(key)));
  } catch {
    // forbidden or full
  }
}

export function dropDraft(key) {
  memory.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // forbidden
  }
}

// What was sent with a whole page is there once the page that shows it is: only that drops the draft.
const SENT = "sent-draft";

export function markSent(key) {
  try {
    if (key) sessionStorage.setItem(SENT, key);
    else sessionStorage.removeItem(SENT);
  } catch {
    // forbidden
  }
}

/** `isThere` tells of a draft whether the page shows what came of it. */
export function dropSent(isThere) {
  try {
    const key = sessionStorage.getItem(SENT);
    const draft = key && readDraft(key);
    if (draft && isThere(draft)) dropDraft(key);
  } catch {
    // forbidden
  }
  markSent(null);
}

/** Drafts of this kind of other people who used this browser, and very old ones, go; not where
    nobody is signed in. */
export function sweepDrafts(prefix, person) {
  if (!person) return;
  try {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix))) {
      const isMine = key.startsWith(`${prefix}${person}:`);
      if (!isMine || Date.now() - (readDraft(key)?.at ?? 0) > KEPT_MS) dropDraft(key);
    }
  } catch {
    // forbidden
  }
}
