"""Issue 17, item 1: which claim an external id has."""

from hypothesis import given
from hypothesis import strategies as st

from billing.domain.customers.customer import Customer
from billing.domain.kernel.external_ids import LONGEST, claim_id
from billing.domain.subscriptions.subscription import Subscription

TEXTS = st.text(min_size=1, max_size=LONGEST)


@given(TEXTS, TEXTS, st.sampled_from(["t", "t1", "ten_1", "ten_1:x"]), st.sampled_from(["t", "t1", "ten_1", "ten_1:x"]))
def test_17_two_texts_two_kinds_or_two_tenants_never_share_a_claim(one: str, other: str, a: str, b: str) -> None:
    same = (one, a) == (other, b)
    assert (claim_id(a, Customer, one) == claim_id(b, Customer, other)) is same
    assert claim_id(a, Customer, one) != claim_id(a, Subscription, one)


@given(TEXTS)
def test_17_a_claims_id_has_one_length_whatever_the_text(text: str) -> None:
    assert len(claim_id("ten_1", Customer, text)) == len("Customer#") + 64
