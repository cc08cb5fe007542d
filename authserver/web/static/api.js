// One request to the API that everybody can use: nothing that a page does is
// impossible with curl.
//
// The browser adds the session's cookie by itself, and no script can read it.
// Addresses are found from this file's own, so all works below any folder.

const ROOT = new URL("../../", import.meta.url);
const PATIENCE_MS = 30_000; // then the network counts as lost

/**
 * Ask, and return `{ ok: true, payload }` or what was refused: `code`, `detail`,
 * `faults` of fields, and `wait`, the seconds until another try may pass.
 * A lost network is a refusal too, with the code "unreachable".
 */
export async function ask(method, path, body) {
  try {
    const answer = await fetch(new URL(path, ROOT), {
      method,
      headers: { Accept: "application/json", ...(body && TYPE) },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const payload = await answer.json();
    if (answer.ok) return { ok: true, payload };
    const wait = Number(answer.headers.get("Retry-After"));
    return { ok: false, ...payload, faults: payload.errors ?? [], wait };
  } catch {
    return { ok: false, code: "unreachable", faults: [], wait: 0 };
  }
}

const TYPE = { "Content-Type": "application/json" };
