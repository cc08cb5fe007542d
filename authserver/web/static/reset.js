// The page behind a link that resets a password: it asks for the new one.

import { run } from "./link.js";

run({
  path: "auth/password/reset",
  done: "Your new password is set. You are logged out everywhere; log in with it.",
  refusals: {},
  ends: {
    invalid_code: "This link has been used or has expired. Ask for a new one.",
  },
});
