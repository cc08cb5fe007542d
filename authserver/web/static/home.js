// The front page asks the server how it is. What cannot answer is not well.

import { element } from "./page.js";
import { ask } from "./api.js";
import { say } from "./words.js";

const state = element("state");

async function look() {
  const answer = await ask("GET", "readyz");
  const known = answer.code === "unreachable" ? "health_unreachable" : "health_bad";
  state.textContent = say(answer.ok ? "health_good" : known);
  state.className = `status scripted ${answer.ok ? "good" : "bad"}`;
}

document.addEventListener("visibilitychange", () => document.hidden || look());
await look();
