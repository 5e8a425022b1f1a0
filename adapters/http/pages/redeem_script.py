"""The script of the page where vouchers are redeemed."""

from typing import Final

REDEEM_SCRIPT: Final = r"""// Redeems the voucher of this page's form by the API.
(() => {
  "use strict";

  const CODE_SYMBOLS = 13;
  const PIN_DIGITS = 6;
  const PATIENCE_MS = 30000;
  const STORED = "playtime.redeem";
  const MOST_STORED = 20;

  const WRONG = "The code or PIN is not right. Check both and try again. "
    + "After five wrong tries a voucher is locked for a few minutes.";
  const LATER = "The service could not be reached. Nothing is lost: try again in a moment.";
  const SAID = {
    INVALID_CREDENTIALS: WRONG,
    VOUCHER_REDEEMED: "This voucher was redeemed before. "
      + "If that was you, log in with the login code and PIN that you were given then.",
    REPLAY_SECRET_EXPIRED: "This voucher was redeemed here more than a day ago. "
      + "Log in with the login code and PIN that you were given then.",
    VOUCHER_EXPIRED: "This voucher has expired. Show it to the agent who sold it.",
    VOUCHER_VOIDED: "This voucher was cancelled. Show it to the agent who sold it.",
    INVALID_INPUT: "The play pass is not right. Check it, or leave it out.",
    PLAY_PASS_UNKNOWN: "The agent of this voucher knows no such play pass, or its break has not ended. "
      + "The voucher was not used.",
    IDEMPOTENCY_KEY_REUSED: "This voucher was redeemed here before, with another play pass or without one. "
      + "Fill that in as it was then to see the login code and PIN again.",
  };

  const find = (id) => document.getElementById(id);
  const form = find("form"), code = find("code"), pin = find("pin"), pass = find("pass");
  const AT_FAULT = {
    INVALID_CREDENTIALS: pin, INVALID_INPUT: pass, PLAY_PASS_UNKNOWN: pass, IDEMPOTENCY_KEY_REUSED: pass,
    VOUCHER_REDEEMED: code, REPLAY_SECRET_EXPIRED: code, VOUCHER_EXPIRED: code, VOUCHER_VOIDED: code,
  };
  const button = find("button"), message = find("message");

  const fun = (minor) => {
    const whole = String(Math.floor(minor / 100)).replace(/\B(?=(\d{3})+$)/g, ",");
    return whole + "." + String(minor % 100).padStart(2, "0") + " FUN";
  };

  // As the service reads codes and PINs: in any case, with dashes and blanks of every kind, full-width characters,
  // I and L as 1, O as 0.
  const symbols = (typed) =>
    typed.replace(/[\p{Pd}\p{Cf}\s\u0085\u2212]/gu, "")
      .replace(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xFEE0))
      .toUpperCase().replace(/[IL]/g, "1").replace(/O/g, "0");

  const newKey = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // One key for each voucher, stored over a reload and over other vouchers: asking again after a lost answer gives
  // that answer again.
  let stored = [];
  const read = () => {
    try {
      const found = JSON.parse(localStorage.getItem(STORED));
      stored = Array.isArray(found) ? found.filter((one) => one && typeof one.key === "string") : stored;
    } catch {
      // Without a storage they are stored for as long as the page is open.
    }
  };
  const keep = (vouchers) => {
    stored = vouchers.slice(-MOST_STORED);
    try {
      localStorage.setItem(STORED, JSON.stringify(stored));
    } catch {
      // As above.
    }
  };
  const keyOf = (voucher) => {
    read();
    const known = stored.find((one) => one.code === voucher);
    if (known) {
      return known.key;
    }
    const key = newKey();
    keep([...stored, { code: voucher, key }]);
    return key;
  };

  const refuse = (content) => say(SAID[content.code] || LATER, AT_FAULT[content.code] || null);

  // The message is at its field, else at the button, and is scrolled to the top: the lower half of a phone is the
  // keyboard.
  const say = (text, field) => {
    (field || button).after(message);
    message.textContent = text;
    for (const input of [code, pin, pass]) {
      input.setAttribute("aria-invalid", String(input === field));
      input.setAttribute("aria-describedby", (input === field ? "message " : "") + input.id + "-help");
    }
    if (text) {
      (field || message).focus({ preventScroll: true });
      (field ? field.labels[0] : button).scrollIntoView();
    }
  };

  const show = (player) => {
    find("login-code").textContent = player.loginCode;
    find("login-pin").textContent = player.pin;
    find("balance").textContent = fun(player.balanceMinor);
    find("bonus").textContent = fun(player.bonusPendingMinor);
    form.hidden = true;
    find("done").hidden = false;
    find("done-title").focus();
  };

  const ask = async (voucher, digits, shown) => {
    const answer = await fetch("api/v1/voucher/redeem", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": keyOf(voucher) },
      body: JSON.stringify({ code: voucher, pin: digits, ...(shown && { playPass: shown }) }),
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout ? AbortSignal.timeout(PATIENCE_MS) : undefined,
    });
    return answer.json();
  };

  let busy = false;
  const redeem = async (event) => {
    event.preventDefault();
    if (busy) {
      return;
    }
    const voucher = symbols(code.value), digits = symbols(pin.value), shown = symbols(pass.value);
    if (voucher.length !== CODE_SYMBOLS) {
      say("The code has 13 letters and digits.", code);
      return;
    }
    if (!/^[0-9]+$/.test(digits) || digits.length !== PIN_DIGITS) {
      say("The PIN has 6 digits.", pin);
      return;
    }
    if (shown && shown.length !== CODE_SYMBOLS) {
      say("A play pass has 13 letters and digits.", pass);
      return;
    }
    busy = true;
    say("", null);
    button.setAttribute("aria-disabled", "true");
    button.textContent = "Redeeming\u2026";
    try {
      const content = await ask(voucher, digits, shown);
      if (content.ok === true) {
        show(content.player);
      } else {
        refuse(content);
      }
    } catch {
      say(LATER, null);
    } finally {
      busy = false;
      button.removeAttribute("aria-disabled");
      button.textContent = "Redeem";
    }
  };

  form.addEventListener("submit", redeem);
  (code.value ? pin : code).focus();
})();
"""
"""The script, as browsers are given it. It asks for nothing but the API of its own site."""
