// The e-mail address and the phone number: shown, changed, proven.
//
//     new address, password -> a code goes there -> the code proves it, and it
//                                                   takes the old one's place
//
// The answer never says whether somebody else has the address: then no code
// comes, and its owner is told.

import { element } from "./page.js";
import { ask } from "./api.js";
import { sendAgain, takeCode } from "./code.js";
import { occupy, refuse, run, tell } from "./form.js";
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

function expect(kind, value) {
  asked[kind] = value;
  element(`${kind}-change`).open = true;
  element(`${kind}-form`).hidden = true;
  element(`${kind}-code-form`).hidden = false;
  tell(element(`${kind}-outcome`), say("sent_to", { to: value }));
  element(`${kind}-otp`).focus();
}

async function proven(kind) {
  element(`${kind}-form`).reset();
  element(`${kind}-code-form`).reset();
  element(`${kind}-change`).open = false;
  await reload();
  tell(outcome, say(`${kind}_changed`), "good");
  outcome.focus();
}

function serve(kind) {
  const details = element(`${kind}-change`);
  const input = element(`${kind}-otp`);
  const place = element(`${kind}-outcome`);
  const prove = element(`${kind}-prove`);
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
    done: (_, values) => expect(kind, values[kind].trim()),
    blame: { invalid_credentials: ["current_password", "wrong_password"] },
  });
  takeCode(input);
  run(element(`${kind}-code-form`), {
    send: ({ otp }) => ask("POST", "auth/verify-otp", { identifier: asked[kind], otp }),
    done: () => proven(kind),
    blame: { invalid_code: ["otp", "wrong_code"] },
  });
  sendAgain(element(`${kind}-again`), place, () => [body()]);
  prove.addEventListener("click", async () => {
    if (prove.ariaDisabled === "true") return;
    asked[kind] = prove.dataset.value;
    const release = occupy(prove);
    const answer = await ask("POST", "auth/otp", body());
    release();
    if (answer.ok) expect(kind, asked[kind]);
    else refuse(answer, prove, outcome);
  });
}

KINDS.forEach(serve);
