// The page behind a link that proves an address: it asks for the password too,
// so that nobody completes an account that a stranger opened with their address.

import { run } from "./link.js";

run({
  path: "verify/confirm",
  done: "Your address is confirmed. You can log in now.",
  refusals: {
    invalid_credentials: "This is not the password of this account.",
  },
  ends: {
    invalid_code:
      "This link has been used or has expired. If you cannot log in yet, ask for " +
      "a new mail where you registered.",
    username_taken:
      "Somebody else has taken this user name meanwhile. Register with another.",
  },
});
