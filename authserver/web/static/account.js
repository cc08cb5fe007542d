// The account: who am I, how can I be reached, where am I logged in.
//
// All of it comes from the API by the session's cookie. Without a session the
// log-in page comes first, and leads back here (`member`). Whoever comes back to
// this tab may be somebody else by then: another tab has the same cookie.

import { element, leave, SHAPES } from "./page.js";
import * as api from "./api.js";
import { showContacts } from "./contacts.js";
import { occupy, refuse, run, tell } from "./form.js";
import { judge } from "./judge.js";
import { ask } from "./member.js";
import "./password.js";
import { showSessions } from "./sessions.js";
import { say } from "./words.js";

const outcome = element("outcome");
const change = element("password");
const section = location.hash.slice(1);
const account = { username: "" };

/** Show everything as it is by now; returns whether that could be had. */
async function load() {
  const paths = ["auth/me", "sessions"];
  const answers = await Promise.all(paths.map((path) => ask("GET", path)));
  const refused = answers.find((answer) => !answer.ok);
  element("retry").hidden = !refused;
  if (refused) {
    refuse(refused, element("retry"), outcome);
    return false;
  }
  const [{ user }, { sessions }] = answers.map((answer) => answer.payload);
  account.username = user.username;
  for (const each of document.querySelectorAll(".name")) each.textContent = user.username;
  for (const each of document.querySelectorAll("[autocomplete=username]")) {
    each.value = user.username;
  }
  showContacts(user, load);
  showSessions(sessions, load);
  if (element("content").ariaBusy) {
    element("content").ariaBusy = null;
    goThere();
  }
  return true;
}

for (const [id, everywhere] of [["logout", false], ["logout-everywhere", true]]) {
  const button = element(id);
  button.addEventListener("click", async () => {
    if (button.ariaDisabled === "true") return;
    const release = occupy(button);
    const answer = await api.ask("POST", "auth/logout", { everywhere });
    if (answer.ok || answer.code === "not_authenticated") {
      await leave("login", { notice: "ended" });
    }
    release();
    refuse(answer, button, outcome);
  });
}

document.addEventListener("visibilitychange", async () => {
  if (document.hidden || !account.username) return;
  const { ok, payload } = await ask("GET", "auth/me");
  if (ok && payload.user.username !== account.username) location.reload();
});

// What was told before is old once something else is begun.
for (const details of document.querySelectorAll("details")) {
  details.addEventListener("toggle", () => details.open && tell(outcome, ""));
}
element("retry").addEventListener("click", () => {
  tell(outcome, "");
  load();
});
judge(element("new-password"), () => account);
run(element("password-form"), {
  send: ({ current_password, new_password }) =>
    ask("POST", "auth/password/change", { current_password, new_password }),
  done: async () => {
    element("password-form").reset();
    change.open = false;
    tell(outcome, say("password_changed"), "good");
    outcome.focus();
    await load();
  },
  blame: { invalid_credentials: ["current_password", "wrong_password"] },
});

function goThere() {
  if (!SHAPES.back.test(section)) return;
  if (section === "password") change.open = true;
  (change.open ? element("current-password") : element(section)).focus();
  element(section).scrollIntoView();
}

await load();
