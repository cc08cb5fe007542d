// Password fields are shown on request.

import { say } from "./words.js";

for (const button of document.querySelectorAll(".secret button")) {
  const input = button.parentElement.querySelector("input");
  const [show, label] = [button.textContent, button.ariaLabel];
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? say("hide") : show;
    button.ariaLabel = shown ? say("hide_password") : label;
  });
}
