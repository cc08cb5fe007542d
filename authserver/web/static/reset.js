// A new password: by the link of a mail, or by the code beside it.
//
//     link:  #token=... -----------------------> new password, with the token
//     code:  identifier, code -> a cookie -----> new password, by the cookie
//
// The code is exchanged for the cookie `__Host-reset`, which no script can read.

import { element, leave, link, told } from "./page.js";
import { ask } from "./api.js";
import { sendAgain, takeCode } from "./code.js";
import { run, tell } from "./form.js";
import { judge } from "./judge.js";
import "./password.js";
import { say } from "./words.js";

// The name that is shown has to be the token's: another one is refused.
const proof = link ? { token: told.token, identifier: told.name } : {};

function choose(account) {
  element("code").hidden = true;
  element("choose").hidden = false;
  element("username").value = account;
  element("password").focus();
}

if (link) {
  choose(told.name);
} else {
  element("identifier").value = told.to ?? "";
  element(told.to ? "otp" : "identifier").focus();
}

takeCode(element("otp"));
run(element("code-form"), {
  send: ({ identifier, otp }) =>
    ask("POST", "validate-otp", { identifier, otp, cookie_only: true }),
  done: (_, { identifier }) => choose(identifier),
  blame: { invalid_code: ["otp", "wrong_code"] },
});
sendAgain(
  element("again"),
  element("code-outcome"),
  () => [{ identifier: element("identifier").value }],
  "auth/password/forgot",
);

judge(element("password"), () => (told.name ? { username: told.name } : {}));
run(element("choose-form"), {
  send: ({ new_password }) => ask("POST", "auth/password/reset", { new_password, ...proof }),
  done: () => leave("login", { notice: "reset", ...(told.name && { name: told.name }) }),
  refused: ({ code }) => {
    if (code !== "invalid_code") return false;
    element("choose-form").remove();
    element("anew").hidden = false;
    tell(element("choose-outcome"), say("reset_over"), "bad");
    element("choose-outcome").focus();
    return true;
  },
});
