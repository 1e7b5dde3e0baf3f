/**
 * Why a charge failed, in words. The codes are Stripe's (docs.stripe.com/declines/codes), as the API passes them on: what
 * would warn a thief (lost_card, stolen_card, fraudulent and the like) reads as generic_decline there, and so here.
 */

const BANK = "The payer has to ask the bank.";
const OTHER = "Ask the payer for another card.";
const LATER = "Worth another try later.";

/** By decline code: what happened, and what helps. */
const DECLINES = {
  approve_with_id: ["The bank could not authorise it", LATER],
  authentication_not_handled: ["The payer did not confirm it with the bank", "The payer has to pay in person, by a form."],
  authentication_required: ["The bank wants the payer to confirm it", "The payer has to pay in person, by a form; a retry without the payer fails again."],
  call_issuer: ["The bank refused and gives no reason", BANK],
  card_not_supported: ["The card does not allow this kind of payment", OTHER],
  card_velocity_exceeded: ["The card's limit of money or of payments is reached", LATER],
  currency_not_supported: ["The card cannot be charged in this currency", OTHER],
  do_not_honor: ["The bank refused and gives no reason", BANK],
  do_not_try_again: ["The bank refused and wants no other try", OTHER],
  duplicate_transaction: ["The bank saw the same amount on this card a moment ago", "Look whether it is paid already."],
  expired_card: ["The card has expired", OTHER],
  generic_decline: ["The bank refused and gives no reason", BANK],
  incorrect_address: ["The address is not the card's", "The payer has to enter the card anew."],
  incorrect_cvc: ["The security code is wrong", "The payer has to enter the card anew."],
  incorrect_number: ["The card's number is wrong", "The payer has to enter the card anew."],
  incorrect_pin: ["The PIN is wrong", OTHER],
  incorrect_zip: ["The postal code is not the card's", "The payer has to enter the card anew."],
  insufficient_funds: ["The card has not enough money", LATER],
  invalid_account: ["The card, or its account, does not exist any more", OTHER],
  invalid_amount: ["The amount is more than the card allows", BANK],
  invalid_cvc: ["The security code is wrong", "The payer has to enter the card anew."],
  invalid_expiry_month: ["The expiry month is wrong", "The payer has to enter the card anew."],
  invalid_expiry_year: ["The expiry year is wrong", "The payer has to enter the card anew."],
  invalid_number: ["The card's number is wrong", "The payer has to enter the card anew."],
  issuer_not_available: ["The bank could not be reached", LATER],
  new_account_information_available: ["The card or its account has changed", OTHER],
  no_action_taken: ["The bank refused and gives no reason", BANK],
  not_permitted: ["The card does not allow this payment", BANK],
  offline_pin_required: ["The card wants a PIN", OTHER],
  online_or_offline_pin_required: ["The card wants a PIN", OTHER],
  pin_try_exceeded: ["The PIN was wrong too often", OTHER],
  processing_error: ["The card could not be processed just then", LATER],
  reenter_transaction: ["The bank could not process it", LATER],
  revocation_of_all_authorizations: ["The payer has forbidden this card's payments to you", OTHER],
  revocation_of_authorization: ["The payer has forbidden this payment", OTHER],
  security_violation: ["The bank refused and gives no reason", BANK],
  service_not_allowed: ["The bank refused and gives no reason", BANK],
  stop_payment_order: ["The payer has stopped this payment at the bank", OTHER],
  testmode_decline: ["A test card in live mode", "Use a real card."],
  transaction_not_allowed: ["The card does not allow this payment", OTHER],
  try_again_later: ["The bank refused and gives no reason", LATER],
  withdrawal_count_limit_exceeded: ["The card's limit is reached", LATER],
  // Ours: nothing was charged, and no bank was asked.
  not_sent: ["The card processor could not be asked; nothing was charged", LATER],
  not_chargeable: ["No card is charged in this currency", "It has to be paid another way."],
  not_chargeable_in_currency: ["No card can be charged such an amount in this currency", "It has to be paid another way."],
  below_the_least_that_cards_are_charged: ["It is less than a card can be charged", "The next invoice asks for it."],
  above_the_most_that_cards_are_charged: ["It is more than a card can be charged", "It has to be paid another way, such as by transfer."],
};

const CODES = {
  "validation.payment_method.invalid": ["There is no card that can be charged", "The customer has to save one."],
  "payment.authentication_required": DECLINES.authentication_required,
  "payment.insufficient_funds": DECLINES.insufficient_funds,
};

/**
 * A payment error in words.
 * @param {{code: string, declineCode: string|null, message: string}|null} error
 * @returns {{what: string, help: string, code: string}|null} the API's own message where we have no words
 */
export function decline(error) {
  if (!error) return null;
  const [what, help] = DECLINES[error.declineCode] ?? CODES[error.code] ?? [error.message.replace(/\.$/, ""), ""];
  return { what, help, code: error.declineCode ?? error.code };
}

/** What the bank said of a charge that the API refused, in words; null where it was refused for something else. */
export function declineOf({ code, message, details }) {
  const declineCode = details.find((each) => each.field === "declineCode")?.reason;
  return declineCode || code in CODES ? decline({ code, message, declineCode: declineCode ?? null }) : null;
}

/** Why an invoice is not paid by a charge that nobody refused; null: it is. @param {object} paid what POST /v1/invoices/ID/pay answers */
export function notPaidYet(paid) {
  if (paid.status === "paid") return null;
  return paid.clientSecret
    ? "not paid yet: the bank wants the payer to confirm it. The payer has to do that in a form, within 24 hours."
    : "not paid yet: the outcome of the charge is not known. The invoice will tell it.";
}
