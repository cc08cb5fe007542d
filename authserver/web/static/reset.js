// The page behind a link that resets a password: it asks for the new one.

import { run } from "./link.js";

run({
  path: "auth/password/reset",
  done: "Your new password is set. Log in with it; everybody else was logged out.",
  refusals: {},
  ends: {
    invalid_code: "This link has been used or has expired. Ask for a new one.",
  },
});
