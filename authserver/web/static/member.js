// Asking as somebody who is logged in. A session may end at any moment, here or
// from another browser; then the log-in page comes, and leads back.

import { leave } from "./page.js";
import * as api from "./api.js";

const OVER = ["invalid_token", "not_authenticated"];

/** Ask as `api.ask` does; without a session, this page is left. */
export async function ask(method, path, body) {
  const answer = await api.ask(method, path, body);
  if (OVER.includes(answer.code)) {
    const back = location.hash.slice(1);
    await leave("login", { notice: "needed", ...(back && { back }) });
  }
  return answer;
}
