"""The words of printed documents, in one table: English, German, French, Spanish.

A word of another language falls back to English, while numbers and dates keep that language's look. Where a law wants
a certain word, it stands here: "Rechnung", "Facture" (Directive 2006/112/EC, article 226, with the national acts); a
German credit note of the seller is a "Rechnungskorrektur", as "Gutschrift" means an invoice that the buyer makes out
(section 14 subsection 2 UStG); the phrase of a reverse charge is the national one.
"""

from __future__ import annotations

Phrases = dict[str, tuple[str, str, str, str]]
"""Words and sentences by their keys, each in ``LANGUAGES``."""
LANGUAGES = ("en", "de", "fr", "es")

_TABLE: Phrases = {
    # --- which document ---
    "invoice": ("Invoice", "Rechnung", "Facture", "Factura"),
    "credit_note": ("Credit note", "Rechnungskorrektur", "Avoir", "Factura rectificativa"),
    "invoice_number": ("Invoice number", "Rechnungsnummer", "Numéro de facture", "Número de factura"),
    "credit_note_number": ("Credit note number", "Belegnummer", "Numéro d’avoir", "Número de factura rectificativa"),
    "other_number": ("{title} number", "{title}: Nummer", "{title} : numéro", "{title}: número"),
    "no_number": (
        "Not yet numbered (draft)",
        "Noch ohne Nummer (Entwurf)",
        "Pas encore numérotée (brouillon)",
        "Aún sin número (borrador)",
    ),
    # --- facts ---
    "about_invoice": ("For invoice", "Zur Rechnung", "Facture d’origine", "Factura rectificada"),
    "issued": ("Date of issue", "Ausstellungsdatum", "Date d’émission", "Fecha de expedición"),
    "due": ("Date due", "Fällig am", "Date d’échéance", "Fecha de vencimiento"),
    "paid": ("Date paid", "Bezahlt am", "Date de paiement", "Fecha de pago"),
    "supply_date": ("Date of supply", "Leistungsdatum", "Date de la prestation", "Fecha de la operación"),
    "supply_period": (
        "Period of supply",
        "Leistungszeitraum",
        "Période de prestation",
        "Periodo facturado",
    ),
    "po_number": ("PO number", "Bestellnummer", "Bon de commande", "Número de pedido"),
    "currency": ("Currency", "Währung", "Devise", "Moneda"),
    "payment_method": ("Payment method", "Zahlungsart", "Moyen de paiement", "Forma de pago"),
    # --- parties ---
    "from": ("From", "Von", "Vendeur", "Emisor"),
    "bill_to": ("Bill to", "Rechnung an", "Facturé à", "Facturar a"),
    "credit_to": ("Credit to", "Empfänger", "Client", "Destinatario"),
    "tax_id": ("Tax ID", "Steuernummer", "N° d’identification fiscale", "NIF"),
    "vat_id": ("Tax ID", "USt-IdNr.", "N° TVA", "NIF-IVA"),
    # --- headline ---
    "headline_due": (
        "{amount} due {date}",
        "{amount} fällig am {date}",
        "{amount} à régler au plus tard le {date}",
        "{amount} con vencimiento el {date}",
    ),
    "headline_paid": (
        "{amount} paid on {date}",
        "{amount} bezahlt am {date}",
        "{amount} payés le {date}",
        "{amount} pagados el {date}",
    ),
    "headline_settled": ("Settled on {date}", "Beglichen am {date}", "Soldée le {date}", "Saldada el {date}"),
    "headline_credited": (
        "{amount} credited on {date}",
        "{amount} gutgeschrieben am {date}",
        "{amount} crédités le {date}",
        "{amount} abonados el {date}",
    ),
    "receipt": (
        "This invoice is also your receipt.",
        "Diese Rechnung ist zugleich Ihre Quittung.",
        "Cette facture vaut reçu de paiement.",
        "Esta factura sirve también de recibo.",
    ),
    "receipt_card": (
        "Paid with {card}. This invoice is also your receipt.",
        "Bezahlt mit {card}. Diese Rechnung ist zugleich Ihre Quittung.",
        "Payée par {card}. Cette facture vaut reçu de paiement.",
        "Pagada con {card}. Esta factura sirve también de recibo.",
    ),
    # --- lines ---
    "lines": ("Items", "Positionen", "Prestations", "Conceptos"),
    "description": ("Description", "Beschreibung", "Désignation", "Descripción"),
    "quantity": ("Qty", "Menge", "Qté", "Cant."),
    "unit_price": ("Unit price", "Einzelpreis", "Prix unitaire", "Precio unitario"),
    "amount": ("Amount", "Betrag", "Montant", "Importe"),
    "prorated": ("Prorated", "Anteilig", "Au prorata", "Prorrateado"),
    "flat": ("flat", "pauschal", "forfait", "fijo"),
    # --- totals ---
    "subtotal": ("Subtotal", "Zwischensumme", "Sous-total", "Subtotal"),
    "discount": ("Discount", "Rabatt", "Remise", "Descuento"),
    "coupon": ("Discount ({coupon})", "Rabatt ({coupon})", "Remise ({coupon})", "Descuento ({coupon})"),
    "tax": ("Tax", "Steuer", "Taxe", "Impuesto"),
    "tax_rate": ("{name} ({rate})", "{name} ({rate})", "{name} ({rate})", "{name} ({rate})"),
    "tax_included": (
        "{name} ({rate}, included)",
        "{name} ({rate}, enthalten)",
        "{name} ({rate}, incluse)",
        "{name} ({rate}, incluido)",
    ),
    "total_tax": ("Total tax", "Steuer gesamt", "Total des taxes", "Total de impuestos"),
    "total": ("Total", "Gesamtbetrag", "Total", "Total"),
    "total_credited": (
        "Total credited ({currency})",
        "Korrekturbetrag ({currency})",
        "Total de l’avoir ({currency})",
        "Total abonado ({currency})",
    ),
    "balance_applied": (
        "Credit balance applied",
        "Guthaben verrechnet",
        "Solde créditeur imputé",
        "Saldo a favor aplicado",
    ),
    "balance_added": (
        "Added to credit balance",
        "Dem Guthaben zugeschrieben",
        "Ajouté au solde créditeur",
        "Añadido al saldo a favor",
    ),
    "brought_forward": ("Brought forward", "Übertrag", "Report", "Saldo anterior"),
    "carried": (
        "Carried to your next invoice",
        "Übertrag auf die nächste Rechnung",
        "Reporté sur la prochaine facture",
        "Trasladado a la próxima factura",
    ),
    "credit_notes": ("Credit notes", "Rechnungskorrekturen", "Avoirs", "Facturas rectificativas"),
    "amount_paid": ("Amount paid", "Bereits bezahlt", "Montant payé", "Importe pagado"),
    "amount_due": (
        "Amount due ({currency})",
        "Zahlbetrag ({currency})",
        "Net à payer ({currency})",
        "Importe a pagar ({currency})",
    ),
    "to_invoice": (
        "Taken off invoice {number}",
        "Von Rechnung {number} abgezogen",
        "Déduit de la facture {number}",
        "Deducido de la factura {number}",
    ),
    "to_balance": (
        "Added to your credit balance",
        "Ihrem Guthaben zugeschrieben",
        "Ajouté à votre solde créditeur",
        "Añadido a su saldo a favor",
    ),
    "to_refund": (
        "Refunded to your payment method",
        "Auf Ihr Zahlungsmittel erstattet",
        "Remboursé sur votre moyen de paiement",
        "Reembolsado a su medio de pago",
    ),
    # --- taxes ---
    "tax_summary": ("Tax summary", "Steuerübersicht", "Récapitulatif des taxes", "Resumen de impuestos"),
    "rate": ("Rate", "Satz", "Taux", "Tipo"),
    "base": ("Taxable amount", "Nettobetrag", "Base hors taxe", "Base imponible"),
    "vat": ("VAT", "USt", "TVA", "IVA"),
    "reverse_charge": ("Reverse charge", "Reverse Charge", "Autoliquidation", "Inversión del sujeto pasivo"),
    "exempt": ("Exempt", "Steuerfrei", "Exonéré", "Exento"),
    "reverse_charge_note": (
        "Reverse charge: VAT to be accounted for by the recipient.",
        "Steuerschuldnerschaft des Leistungsempfängers (Reverse Charge).",
        "Autoliquidation : TVA due par le preneur.",
        "Inversión del sujeto pasivo.",
    ),
    "reverse_charge_article": (
        "Reverse charge: VAT to be accounted for by the recipient (Art. 196 Directive 2006/112/EC).",
        "Steuerschuldnerschaft des Leistungsempfängers (Reverse Charge, Art. 196 Richtlinie 2006/112/EG).",
        "Autoliquidation : TVA due par le preneur (art. 196 de la directive 2006/112/CE).",
        "Inversión del sujeto pasivo (art. 196 de la Directiva 2006/112/CE).",
    ),
    "exempt_note": ("Tax exempt.", "Steuerbefreit.", "Exonéré de taxe.", "Operación exenta de impuesto."),
    # --- statements of payouts ---
    "statement": ("Payout statement", "Auszahlungsabrechnung", "Relevé de versement", "Liquidación de pago"),
    "statement_number": ("Statement number", "Abrechnungsnummer", "Numéro de relevé", "Número de liquidación"),
    "payout_id": ("Payout", "Auszahlung", "Versement", "Pago"),
    "statement_period": ("Period", "Zeitraum", "Période", "Periodo"),
    "destination": ("Paid to", "Ausgezahlt an", "Versé sur", "Abonado en"),
    "account_ending": (
        "Account ending in {last4}",
        "Konto mit Endung {last4}",
        "Compte se terminant par {last4}",
        "Cuenta terminada en {last4}",
    ),
    "to_provider": ("To", "An", "Bénéficiaire", "Beneficiario"),
    "headline_payout": (
        "{amount} paid out on {date}",
        "{amount} ausgezahlt am {date}",
        "{amount} versés le {date}",
        "{amount} abonados el {date}",
    ),
    "headline_payout_back": (
        "{amount} of {date} did not arrive and are on the account again",
        "{amount} vom {date} kamen nicht an und stehen wieder auf dem Konto",
        "{amount} du {date} non parvenus, recrédités sur le compte",
        "{amount} del {date} no llegaron y vuelven a estar en la cuenta",
    ),
    "headline_payout_failed": (
        "The payout of {amount} of {date} failed",
        "Die Auszahlung von {amount} vom {date} ist gescheitert",
        "Le versement de {amount} du {date} a échoué",
        "El pago de {amount} del {date} ha fallado",
    ),
    "line_release": ("Sale", "Verkauf", "Vente", "Venta"),
    "line_refund": ("Refund", "Erstattung", "Remboursement", "Reembolso"),
    "line_refund_returned": (
        "Refund came back",
        "Erstattung kam zurück",
        "Remboursement retourné",
        "Reembolso devuelto",
    ),
    "line_dispute_hold": (
        "Held for a dispute",
        "Einbehalt wegen Streitfall",
        "Retenue pour litige",
        "Retenido por disputa",
    ),
    "line_dispute_released": (
        "Dispute hold released",
        "Einbehalt freigegeben",
        "Retenue pour litige levée",
        "Retención por disputa liberada",
    ),
    "line_fee": ("Processing fee", "Zahlungsgebühr", "Frais de traitement", "Comisión de procesamiento"),
    "line_adjustment": ("Adjustment", "Korrektur", "Ajustement", "Ajuste"),
    "line_payout": ("Payout", "Auszahlung", "Versement", "Pago"),
    "line_payout_returned": (
        "Payout came back",
        "Auszahlung kam zurück",
        "Versement retourné",
        "Pago devuelto",
    ),
    "gross": ("Gross", "Umsatz", "Ventes", "Ventas"),
    "commission": ("Commission", "Provision", "Commission", "Comisión"),
    "commission_tax": ("Tax on it", "Steuer darauf", "Taxe dessus", "Impuesto s/ ella"),
    "collected_tax": ("Sales tax", "USt", "TVA", "IVA"),
    "fee": ("Fee", "Gebühr", "Frais", "Tarifa"),
    "balance": ("Balance", "Saldo", "Solde", "Saldo"),
    "opening_balance": ("Opening balance", "Anfangssaldo", "Solde d’ouverture", "Saldo inicial"),
    "closing_balance": ("Closing balance", "Endsaldo", "Solde de clôture", "Saldo final"),
    "counted": ("{name} ({count})", "{name} ({count})", "{name} ({count})", "{name} ({count})"),
    "paid_out": (
        "Paid out ({currency})",
        "Auszahlung ({currency})",
        "Versé ({currency})",
        "Pagado ({currency})",
    ),
    "totals_by_type": ("Totals by type", "Summen nach Art", "Totaux par type", "Totales por tipo"),
    "type": ("Type", "Art", "Type", "Tipo"),
    "account_lines": ("Every line", "Alle Buchungen", "Toutes les lignes", "Todas las líneas"),
    "by_day": (
        "By day and type ({count} lines; each is in the statement as CSV)",
        "Nach Tag und Art ({count} Buchungen; jede steht in der Abrechnung als CSV)",
        "Par jour et par type ({count} lignes, toutes dans le relevé au format CSV)",
        "Por día y tipo ({count} líneas; todas están en la liquidación en CSV)",
    ),
    "statement_note": (
        "Amount = gross − discount − commission − tax on it − fee. Gross has sales tax only if the seller owes it.",
        "Betrag = Umsatz − Rabatt − Provision − Steuer darauf − Gebühr. Umsatz mit USt nur, wenn selbst geschuldet.",
        "Montant = ventes − remise − commission − taxe dessus − frais. Ventes TTC si le vendeur doit la TVA.",
        "Importe = ventas − descuento − comisión − impuesto sobre ella − tarifa. Con IVA si lo debe el vendedor.",
    ),
    "beside": (
        "Not yet on the account, as of {date}",
        "Noch nicht auf dem Konto, Stand {date}",
        "Pas encore sur le compte, au {date}",
        "Aún no en la cuenta, a {date}",
    ),
    "pending": ("Pending", "Ausstehend", "En attente", "Pendiente"),
    "held": ("Held by disputes", "Durch Streitfälle einbehalten", "Retenu par des litiges", "Retenido por disputas"),
    # --- how to pay ---
    "how_to_pay": ("How to pay", "So bezahlen Sie", "Comment payer", "Cómo pagar"),
    "account_holder": ("Account holder", "Kontoinhaber", "Titulaire du compte", "Titular de la cuenta"),
    "bank": ("Bank", "Bank", "Banque", "Banco"),
    "account_number": ("Account number", "Kontonummer", "Numéro de compte", "Número de cuenta"),
    "routing": ("Routing code", "Bankleitzahl", "Code bancaire", "Código bancario"),
    "reference": ("Reference", "Verwendungszweck", "Référence", "Concepto"),
    "online": ("Pay online", "Online bezahlen", "Payer en ligne", "Pagar en línea"),
    "scan_transfer": (
        "Scan with your banking app",
        "Mit der Banking-App scannen",
        "À scanner avec votre appli bancaire",
        "Escanee con la app de su banco",
    ),
    "scan_link": ("Scan to pay online", "Scannen und online bezahlen", "Scanner pour payer", "Escanee para pagar"),
    # --- stamps and feet ---
    "status_draft": ("DRAFT", "ENTWURF", "BROUILLON", "BORRADOR"),
    "status_paid": ("PAID", "BEZAHLT", "PAYÉE", "PAGADA"),
    "status_failed": ("FAILED", "GESCHEITERT", "ÉCHEC", "FALLIDO"),
    "status_canceled": ("CANCELED", "ABGEBROCHEN", "ANNULÉ", "CANCELADO"),
    "status_void": ("VOID", "STORNIERT", "ANNULÉE", "ANULADA"),
    "status_uncollectible": ("UNCOLLECTIBLE", "UNEINBRINGLICH", "IRRÉCOUVRABLE", "INCOBRABLE"),
    "test": ("TEST", "TEST", "TEST", "PRUEBA"),
    "test_notice": (
        "TEST – made in test mode, not a demand for payment",
        "TEST – im Testmodus erstellt, keine Zahlungsaufforderung",
        "TEST – créé en mode test, ne vaut pas demande de paiement",
        "PRUEBA – creada en modo de prueba, no es una solicitud de pago",
    ),
    "notes": ("Notes", "Anmerkungen", "Remarques", "Notas"),
    "page": (
        "Page {page} of {pages}",
        "Seite {page} von {pages}",
        "Page {page} sur {pages}",
        "Página {page} de {pages}",
    ),
    "logo": ("Logo of {name}", "Logo von {name}", "Logo de {name}", "Logotipo de {name}"),
}


class Words:
    """The words of one language; ``language`` is the one they are in: English for a language that is not here.

    Args:
        more: what a document says beside what is said on all of them.
    """

    def __init__(self, language: str, more: Phrases | None = None) -> None:
        self._table = _TABLE | more if more else _TABLE
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._column = LANGUAGES.index(self.language)

    def __getitem__(self, key: str) -> str:
        """The word or sentence; KeyError for a key that the table has not."""
        return self._table[key][self._column]

    def get(self, key: str) -> str | None:
        """The word, or None where the table has no such key (a status that needs no stamp of its own)."""
        row = self._table.get(key)
        return None if row is None else row[self._column]

    def is_default(self, title: str) -> bool:
        """Whether a title is a document's English one, which its language then translates."""
        return title in (_TABLE["invoice"][0], _TABLE["credit_note"][0])


def tax_name(name: str, words: Words) -> str:
    """The name of a tax: the built-in table's "VAT" in the document's language, any other as it is."""
    return words["vat"] if name == "VAT" else name


def keys() -> tuple[str, ...]:
    """All keys of the table."""
    return tuple(_TABLE)
