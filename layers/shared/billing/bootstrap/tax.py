"""Wires the tax providers."""

from functools import cache
from typing import TYPE_CHECKING

from billing.bootstrap import payments, process
from billing.domain.tenant import TaxProviderName

if TYPE_CHECKING:
    from billing.domain.tax.rate_table import TaxTable
    from billing.integrations.tax.secrets import TaxSecretReader
    from billing.services.tax.assessment import Taxes, TaxProvider


@cache
def tax_secrets() -> "TaxSecretReader":
    """TaxJar's token, and the secrets of the tax provider's webhook."""
    from billing.integrations.aws.clients import made_client
    from billing.integrations.tax.secrets import TaxSecretReader

    s = process.settings()
    return TaxSecretReader(made_client("secretsmanager"), s.tax_secret_id, s.secret_cache_s)


@cache
def taxes() -> "Taxes":
    """The service that determines the tax on invoices."""
    from billing.services.tax.assessment import Taxes

    tax_secrets()  # which tenants use TaxJar or Stripe Tax, only requests know
    return Taxes(tax_provider)


def tax_table() -> "TaxTable":
    """The built-in tax table."""
    from billing.integrations.tax.builtin import builtin_table

    return builtin_table()


@cache
def tax_provider(name: TaxProviderName) -> "TaxProvider":
    """The tax provider of a name; modules that only Stripe Tax or TaxJar need are imported only for them."""
    s = process.settings()
    if name is TaxProviderName.STRIPE:
        from billing.integrations.tax.stripe_tax import StripeTax

        return StripeTax(payments.stripe_secrets(), s.stripe_api_base, s.tax_timeout_s, process.deadline().left_s)
    if name is TaxProviderName.TAXJAR:
        from billing.integrations.tax.taxjar import TaxJar

        return TaxJar(tax_secrets(), s.taxjar_api_base, s.tax_timeout_s, process.deadline().left_s)
    from billing.integrations.tax.builtin import BuiltinTax

    return BuiltinTax()
