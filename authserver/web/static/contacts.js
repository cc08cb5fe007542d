// The e-mail address and the phone number: shown, changed, proven.
//
//     new address, password -> a code goes there -> the code proves it, and it
//                                                   takes the old one's place
//
// Whoever closed the page meanwhile gives the new address once more, with the
// code that came.
//
// The answer never says whether somebody else has the address: then no code
// comes, and its owner is told.

import { element } from "./page.js";
import { sendAgain, takeCode } from "./code.js";
import { lacks, occupy, refuse, run, tell } from "./form.js";
import { ask } from "./member.js";
import { say } from "./words.js";

const KINDS = ["email", "phone"];
const asked = { email: "", phone: "" }; // which code is waited for
const outcome = element("outcome");
let reload;

/** Show what a user has of each kind; `load` is called when that changed. */
export function showContacts(user, load) {
  reload = load;
  for (const kind of KINDS) {
    const [value, proven] = [user[kind], user[`${kind}_verified`]];
    element(`${kind}-value`).textContent = value ?? say(`no_${kind}`);
    element(`${kind}-value`).classList.toggle("soft", !value);
    const state = element(`${kind}-state`);
    state.hidden = !value;
    state.textContent = say(proven ? "proven" : "unproven");
    state.classList.toggle("good", Boolean(proven));
    element(`${kind}-change`).querySelector("summary").textContent = say(
      value ? `change_${kind}` : `add_${kind}`,
    );
    element(`${kind}-prove`).hidden = !value || Boolean(proven);
    element(`${kind}-prove`).dataset.value = value ?? "";
  }
}

function expect(kind, value, told = "") {
  asked[kind] = value;
  element(`${kind}-change`).open = true;
  element(`${kind}-form`).hidden = true;
  element(`${kind}-code-form`).hidden = false;
  tell(element(`${kind}-outcome`), told);
  element(`${kind}-otp`).focus();
}

function sent(kind, value) {
  expect(kind, value, say("sent_to", { to: value }));
}

async function prove(kind, otp) {
  const answer = await ask("POST", "auth/verify-otp", { identifier: asked[kind], otp });
  // Without its session no code fits: is that why?
  if (answer.code === "invalid_code") await ask("GET", "auth/me");
  return answer;
}

async function proven(kind) {
  element(`${kind}-form`).reset();
  element(`${kind}-code-form`).reset();
  element(`${kind}-change`).open = false;
  if (await reload()) tell(outcome, say(`${kind}_changed`), "good");
  outcome.focus();
}

function serve(kind) {
  const details = element(`${kind}-change`);
  const input = element(`${kind}-otp`);
  const place = element(`${kind}-outcome`);
  const own = element(`${kind}-prove`);
  const body = () => ({ identifier: asked[kind], purpose: "verify" });

  details.addEventListener("toggle", () => {
    if (details.open) return;
    element(`${kind}-form`).hidden = false;
    element(`${kind}-code-form`).hidden = true;
  });
  run(element(`${kind}-form`), {
    send: (values) =>
      ask("POST", "auth/contacts", {
        [kind]: values[kind],
        current_password: values.current_password,
      }),
    done: (_, values) => sent(kind, values[kind].trim()),
    blame: { invalid_credentials: ["current_password", "wrong_password"] },
  });
  takeCode(input);
  run(element(`${kind}-code-form`), {
    send: ({ otp }) => prove(kind, otp),
    done: () => proven(kind),
    blame: { invalid_code: ["otp", "wrong_code"] },
  });
  sendAgain(element(`${kind}-again`), place, () => [body()]);
  element(`${kind}-have`).addEventListener("click", () => {
    const contact = element(kind);
    if (!lacks([contact])) expect(kind, contact.value.trim());
  });
  own.addEventListener("click", async () => {
    if (own.ariaDisabled === "true") return;
    asked[kind] = own.dataset.value;
    const release = occupy(own);
    const answer = await ask("POST", "auth/otp", body());
    release();
    if (answer.ok) sent(kind, asked[kind]);
    else refuse(answer, own, outcome);
  });
}

KINDS.forEach(serve);
