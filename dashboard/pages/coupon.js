/** One coupon. */

import { html } from "../vendor/preact.js";
import { useApi } from "../lib/api.js";
import { Time } from "../lib/dates.js";
import { href, navigate } from "../lib/router.js";
import { Action, Facts, Heading, Loaded } from "../ui/parts.js";
import { discount } from "../ui/prices.js";

export default function Coupon({ id }) {
  const code = decodeURIComponent(id);
  const coupon = useApi(`/v1/coupons/${encodeURIComponent(code)}`);
  return html`<${Loaded} from=${coupon}>${(data) => html`<${Shown} coupon=${data} />`}<//>`;
}

function Shown({ coupon }) {
  const end = {
    title: "End the coupon", method: "DELETE", path: `/v1/coupons/${encodeURIComponent(coupon.code)}`, body: null, danger: true, said: "The coupon has ended",
    text: "Nobody can redeem it any more. Discounts that it gave go on.", done: () => navigate(href("/coupons")),
  };
  const joined = (list) => (list?.length > 0 ? list.join(", ") : null);
  return html`<${Heading} title=${coupon.code} badge=${coupon.active ? "active" : "ended"}>
      <${Action} scope="billing:write" danger unless=${coupon.active ? null : "It has ended."} dialog=${end}>End<//><//>
    <${Facts} rows=${[
      ["What", discount(coupon)], ["Redeemed", coupon.timesRedeemed ?? 0], ["At most in all", coupon.maxRedemptions], ["At most by a customer", coupon.maxRedemptionsPerCustomer],
      ["Expires", coupon.expiresAt && html`<${Time} at=${coupon.expiresAt} />`], ["Only for plans", joined(coupon.planIds)], ["Only for articles", joined(coupon.skus)],
      ["Paid for by", coupon.fundedBy], ["Only of providers", joined(coupon.providerTenantIds)], ["Made", html`<${Time} at=${coupon.createdAt} />`],
    ]} />`;
}
