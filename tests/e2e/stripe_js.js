// In place of https://js.stripe.com: what a page calls of Stripe.js, and what Stripe.js asks of Stripe for it. Its "form" is
// a field for the name of a test card.
window.Stripe = (publishableKey) => ({
  elements: ({ clientSecret }) => {
    const field = document.createElement("input");
    field.setAttribute("aria-label", "Card");
    return { clientSecret, field, create: () => ({ mount: (place) => document.querySelector(place).append(field) }) };
  },
  confirmPayment: async ({ elements, confirmParams }) => {
    const body = new URLSearchParams({
      client_secret: elements.clientSecret,
      key: publishableKey,
      payment_method: elements.field.value,
      return_url: confirmParams.return_url,
    });
    const intent = elements.clientSecret.split("_secret_")[0];
    const answer = await fetch(`https://api.stripe.com/v1/payment_intents/${intent}/confirm`, { method: "POST", body });
    const said = await answer.json();
    return said.error ? { error: said.error } : { paymentIntent: said };
  },
});
