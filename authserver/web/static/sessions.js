// Where somebody is logged in: one row per session, each with a button that
// ends it. What a device says of itself is a stranger's text: it is written as
// text, never as HTML.

import { element, written } from "./page.js";
import { deviceName } from "./device.js";
import { occupy, refuse, tell } from "./form.js";
import { ask } from "./member.js";
import { ago, moment } from "./times.js";
import { say } from "./words.js";

const outcome = element("outcome");
const others = element("end-others");
let reload;

/** Show the sessions, this one first; `load` is called when one was ended. */
export function showSessions(sessions, load) {
  reload = load;
  const sorted = sessions.toSorted((a, b) => b.current - a.current || b.last_seen_at - a.last_seen_at);
  element("list").replaceChildren(...sorted.map(row));
  others.hidden = sessions.length < 2;
}

function row(session) {
  const name = deviceName(session.user_agent) || say("some_device");
  const title = written("p", name, "device");
  if (session.current) title.append(" ", written("span", say("this_device"), "badge good"));
  const seen = written("time", say("last_used", { ago: ago(session.last_seen_at) }));
  seen.dateTime = new Date(1000 * session.last_seen_at).toISOString();
  seen.title = moment(session.last_seen_at);
  const about = written("p", `${session.address} · `, "soft small");
  about.append(seen);
  const text = document.createElement("div");
  text.append(title, about);
  const item = written("li", "", "row");
  item.append(text, ending(session, name));
  return item;
}

function ending(session, name) {
  const button = written("button", say(session.current ? "log_out" : "end"));
  button.type = "button";
  button.ariaLabel = session.current ? null : say("end_device", { name });
  button.dataset.busy = say("ending");
  button.addEventListener("click", () =>
    session.current
      ? element("logout").click()
      : end(button, `sessions/${encodeURIComponent(session.id)}`),
  );
  return button;
}

async function end(button, path) {
  if (button.ariaDisabled === "true") return;
  const release = occupy(button);
  const answer = await ask("DELETE", path);
  release();
  if (!answer.ok && answer.code !== "not_found") return refuse(answer, button, outcome);
  if (await reload()) tell(outcome, say("session_ended"), "good");
  outcome.focus();
}

others.addEventListener("click", () => end(others, "sessions"));
