// allauth tells a failed request for a passkey to the console alone: say it beside the button.

const REASONS = {
  NotAllowedError: "No passkey was given: it was cancelled, took too long, or this device has none for this site. Try again, or use another way.",
  InvalidStateError: "This device is added already. Use it as it is, or add another.",
  SecurityError: "Browsers give passkeys to a name with HTTPS, or to localhost, and not to an address of digits. Open Greenroom by its name.",
  NotSupportedError: "This device makes no passkey of the kind asked for. Use another device.",
};

let pressed = null;

document.addEventListener("click", (event) => { pressed = event.target.closest("button") ?? pressed; }, true);

function reason(error) {
  if (!window.isSecureContext || !navigator.credentials) return REASONS.SecurityError;
  return REASONS[error?.name] ?? "No passkey could be asked for: the server or this browser did not answer as it should. Reload the page and try again, or use another way.";
}

document.addEventListener("allauth.error", (event) => {
  const template = document.getElementById("passkey-failed");
  const place = pressed?.closest(".ways, form");
  if (!template || !place) return;
  event.preventDefault();
  document.getElementById("passkey-said")?.remove();
  const said = template.content.firstElementChild.cloneNode(true);
  said.id = "passkey-said";
  said.querySelector("span").textContent = reason(event.detail.exception);
  if (place.matches(".ways")) place.prepend(said);
  else place.before(said);
});
