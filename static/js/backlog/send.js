// Sends a deed to the server, one after the other, and says in words what came of it.
import { say, withdrawErrors } from "../app.js";

const AWAY = "The server can't be reached. Nothing was changed; try again in a moment.";
const OUT = "You have been signed out. Reload the page to sign in again.";
let last = Promise.resolve();

/** What the server refused: `problem` is its answer (RFC 9457), if it gave one. */
export class Refused extends Error {
  constructor(message, problem = null) {
    super(message);
    this.problem = problem;
  }
}

/** POST these fields (a value may be a list) after all earlier deeds; resolves to the answer's
 *  JSON, or throws Refused. */
export function send(url, fields) {
  const sent = last.then(() => post(url, fields));
  last = sent.catch(() => null);
  return sent;
}

/** The same, saying both what was done and what was refused; undefined for a refusal. */
export async function deed(url, fields) {
  const about = `${url} ${fields.refs ?? fields.ref ?? ""}`;
  try {
    const answer = await send(url, fields);
    withdrawErrors(about);
    if (answer.said) say(answer.said, "success", { undoable: answer.undoable });
    for (const warning of answer.warnings || []) say(warning, "warning");
    return answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    withdrawErrors(about);
    say(error.message, "error", { about });
    return undefined;
  }
}

async function post(url, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (Array.isArray(value)) value.forEach((each) => body.append(name, each));
    else if (value !== null && value !== undefined) body.append(name, value);
  }
  const inherited = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  const headers = { Accept: "application/json", ...inherited };
  const response = await fetch(url, { method: "POST", body, headers }).catch(() => {
    throw new Refused(AWAY);
  });
  if (response.redirected) throw new Refused(OUT);
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const words = answer?.errors?.map(({ detail }) => detail).join(" ") || answer?.detail;
  throw new Refused(words || "The server could not do this. Try again in a moment.", answer);
}

/** GET; resolves to the response, or to null where the server can't be reached. */
export async function get(url, more = {}) {
  const headers = { "HX-Request": "true", ...more };
  const response = await fetch(url, { headers }).catch(() => null);
  return response?.ok && !response.redirected ? response : null;
}
