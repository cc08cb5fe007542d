// What would have been sent, on the machine of whoever tries the server out.
//
// The page asks at its own address, whose last part is the random token that was
// printed at the start. A message is a text; the code and the link in it are
// found here, and the link is one only if it leads to this very server.

import { element, written } from "./page.js";
import { ask } from "./api.js";
import { tell } from "./form.js";
import { ago, moment } from "./times.js";
import { say } from "./words.js";

const PAUSE_MS = 2000;
const COPIED_MS = 2000;
const MAILED = /^\d{6}$/m; // a line that is nothing else
const TEXTED = /^\d{6}\b/; // a text message begins with it
const LINK = /^https?:\/\/\S+$/m;
const ROOT = new URL("../../", import.meta.url).href;

const list = element("list");
const address = `messages/${location.pathname.split("/").pop()}`;
const shown = new Set();
let known = false; // what was there when the page was opened

async function look() {
  const answer = await ask("GET", address);
  if (answer.code === "not_found") return tell(element("outcome"), say("messages_over"), "bad");
  const lost = answer.ok ? "" : say("messages_lost");
  if (element("outcome").textContent !== lost) tell(element("outcome"), lost, "bad");
  if (answer.ok) announce(answer.payload.messages.toReversed().filter(show));
  for (const time of list.querySelectorAll("time")) {
    const wanted = ago(Date.parse(time.dateTime) / 1000);
    if (time.textContent !== wanted) time.textContent = wanted;
  }
  setTimeout(look, PAUSE_MS);
}

function announce(messages) {
  const lines = messages.map(({ recipient }) => say("message_new", { to: recipient }));
  if (known && lines.length) {
    element("news").replaceChildren(...lines.map((each) => written("p", each)));
  }
  known = true;
}

/** Show a message, unless it is shown; returns whether it is new. */
function show(message) {
  const key = JSON.stringify(message);
  if (shown.has(key)) return false;
  shown.add(key);
  element("empty").hidden = true;
  const { recipient, subject, text, sent_at } = message;
  const card = written("article", "", "card");
  const head = written("div", "", "row soft small");
  const time = written("time", "");
  time.dateTime = new Date(1000 * sent_at).toISOString();
  time.title = moment(sent_at);
  head.append(written("span", say("message_to", { to: recipient })), time);
  card.append(head);
  if (subject) card.append(written("h2", subject));
  const row = written("div", "", "buttons");
  const code = (subject ? MAILED : TEXTED).exec(text)?.[0];
  if (code) row.append(...copied(code));
  const link = LINK.exec(text)?.[0];
  if (link?.startsWith(ROOT)) row.append(leading(link));
  if (row.hasChildNodes()) card.append(row);
  const whole = document.createElement("details");
  whole.append(written("summary", say("whole_message"), "plain small"), written("p", text, "letter small"));
  card.append(whole);
  list.prepend(card);
  return true;
}

function copied(code) {
  const digits = written("p", code, "code big");
  const button = written("button", say("copy"));
  button.type = "button";
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(digits); // should the browser not let us copy
    const done = await navigator.clipboard?.writeText(code).then(() => true, () => false);
    if (done) button.textContent = say("copied");
    setTimeout(() => (button.textContent = say("copy")), COPIED_MS);
  });
  return [digits, button];
}

function leading(link) {
  const made = written("a", say("open_link"), "button");
  made.href = link;
  return made;
}

await look();
