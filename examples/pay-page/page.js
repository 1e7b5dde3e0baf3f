/** A payer pays: Stripe's form takes the card, and Ledgerline says when the invoice is paid. */

const form = document.querySelector("#form");
const said = document.querySelector("#said");
const PATIENCE_MS = 60_000;

const json = async (path, options) => (await fetch(path, options)).json();

/** Stripe tells Ledgerline by a webhook, which may be a moment later than it tells this page. */
async function untilPaid() {
  form.hidden = true;
  said.textContent = "Your payment is on its way.";
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((done) => setTimeout(done, 500))) {
    if ((await json("/invoice")).status === "paid") {
      said.textContent = "Thank you: it is paid.";
      return;
    }
  }
  said.textContent = "It takes longer than usual. You will hear from us; please do not pay again.";
}

async function offer() {
  const { clientSecret, publishableKey } = await json("/payment", { method: "POST" });
  const stripe = Stripe(publishableKey);
  const elements = stripe.elements({ clientSecret });
  elements.create("payment").mount("#card");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    said.textContent = "";
    // Shows 3-D Secure by itself. With redirect "if_required" it comes back here unless the bank wants a page of its own.
    const { error } = await stripe.confirmPayment({
      elements,
      confirmParams: { return_url: location.origin + "/" },
      redirect: "if_required",
    });
    button.disabled = false;
    if (error) said.textContent = error.message;
    else await untilPaid();
  });
}

const invoice = await json("/invoice");
document.querySelector("#invoice").textContent = `${invoice.number}: ${invoice.due}`;
// Stripe adds this one to the return_url when a payer comes back from a page of the bank's.
const outcome = new URLSearchParams(location.search).get("redirect_status");
if (invoice.status === "paid" || outcome === "succeeded") await untilPaid();
else await offer();
