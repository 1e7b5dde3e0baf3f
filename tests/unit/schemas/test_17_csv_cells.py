"""Issue 17: no text of a CSV is a formula to any spreadsheet, and a number stays one."""

from decimal import Decimal

import pytest

from billing.schemas.csv_table import csv_rows_of

FORMULA = '=HYPERLINK("//x")'


@pytest.mark.parametrize(
    "text",
    [
        FORMULA, "+1", "-1", "@SUM(A1)", f" {FORMULA}", f"\t{FORMULA}", f" \n{FORMULA}", "\tx", "\rx", "\nx",
        f"\u00a0{FORMULA}", f"\u3000{FORMULA}", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201",
    ],
)  # fmt: skip
def test_a_text_that_may_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert csv_rows_of([["x", text]]).decode().removeprefix("x,").lstrip('"').startswith("'")


def test_numbers_and_other_texts_stay_as_they_are() -> None:
    assert csv_rows_of([[-1, Decimal("-0.00000001"), "a-b", " a=b", None]]) == b"-1,-0.00000001,a-b, a=b,\r\n"
