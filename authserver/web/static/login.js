// Logging in: by password, or by a code that is sent. A browser is known by its
// cookie afterwards, so no token is asked for (`cookie_only`).
//
// Where to go then is one of a closed list (page.js). An address that we would
// follow from a link after the login is how people are led to a copy of this page.

import { element, leave, told } from "./page.js";
import { ask } from "./api.js";
import { sendAgain, takeCode } from "./code.js";
import { run, tell } from "./form.js";
import "./password.js";
import { say } from "./words.js";

const forms = ["with-password", "ask-code", "with-code"].map(element);
const [byPassword, asking, byCode] = forms;
const elsewhere = element("elsewhere");
let current = byPassword;
let replacing = false;

if (told.name) element("identifier").value = told.name;
element(told.name ? "password" : "identifier").focus();

function show(form) {
  current = form;
  elsewhere.hidden = true;
  for (const each of forms) each.hidden = each !== form;
  element("by-code").hidden = form !== byPassword;
  element("by-password").hidden = form === byPassword;
  const empty = [...form.querySelectorAll("input")].find((each) => !each.value && !each.readOnly);
  (empty ?? form.querySelector(".main")).focus();
}

function enter(values) {
  const session = { cookie_only: true, ...(replacing && { replace_session: true }) };
  return ask("POST", "auth/login", { ...values, ...session });
}

function entered() {
  return leave(told.back ? `account#${told.back}` : "account");
}

function refused({ code }, { identifier }) {
  if (code === "contact_not_verified") {
    const name = identifier.trim().toLowerCase(); // with an address we hear less
    leave("verify", { name, notice: "unproven" });
    return true;
  }
  if (code !== "session_active") return false;
  elsewhere.hidden = false;
  element("replace").focus();
  return true;
}

element("by-code").addEventListener("click", () => {
  element("address").value = element("identifier").value;
  show(asking);
});
element("by-password").addEventListener("click", () => show(byPassword));
// The offer stands for the very next try, if that is made by its own button.
element("replace").addEventListener("click", () => {
  replacing = true;
  current.querySelector(".main").focus();
  current.requestSubmit(); // calls `enter`, or complains, before it returns
  replacing = false;
});
for (const each of forms) each.addEventListener("submit", () => (elsewhere.hidden = true));

takeCode(element("otp"));
run(byPassword, {
  send: enter,
  done: entered,
  blame: { invalid_credentials: ["password", "wrong_login"] },
  refused,
});
run(asking, {
  send: ({ identifier }) => ask("POST", "auth/otp", { identifier, purpose: "login" }),
  done: (_, { identifier }) => {
    element("sent-to").value = identifier;
    element("otp").value = "";
    show(byCode);
    tell(byCode.querySelector(".outcome"), say("maybe_sent"));
  },
});
run(byCode, {
  send: enter,
  done: entered,
  blame: { invalid_code: ["otp", "wrong_code"] },
  refused,
});
sendAgain(element("again"), byCode.querySelector(".outcome"), () => [
  { identifier: element("sent-to").value, purpose: "login" },
]);
