"""The words of printed reports: their names and definitions, what was asked for, and the titles of their columns.

In the languages of ``words``, English, German, French and Spanish. What codes there are in cells (accounts, kinds,
causes) stays as the API has it, so that a printed report can be laid beside its JSON.
"""

from __future__ import annotations

from billing.integrations.pdf.report_columns import COLUMNS
from billing.integrations.pdf.words import Phrases

_NAMES: Phrases = {
    "trial-balance": ("Trial balance", "Summen- und Saldenliste", "Balance générale", "Balance de sumas y saldos"),
    "aging": ("Receivables aging", "Altersstruktur der Forderungen", "Balance âgée", "Antigüedad de saldos"),
    "tax": ("Tax report", "Steuerbericht", "Rapport sur les taxes", "Informe de impuestos"),
    "usage": ("Usage report", "Verbrauchsbericht", "Rapport de consommation", "Informe de consumo"),
    "revenue": ("Revenue and collections", "Umsatz und Zahlungen", "Facturation et encaissements", "Ingresos y cobros"),
    "recognition": (
        "Revenue recognition",
        "Umsatzrealisierung",
        "Reconnaissance du revenu",
        "Reconocimiento de ingresos",
    ),
    "mrr": (
        "Monthly recurring revenue",
        "Monatlich wiederkehrender Umsatz",
        "Revenu mensuel récurrent",
        "Ingresos recurrentes mensuales",
    ),
    "mrr-movements": ("MRR movements", "MRR-Bewegungen", "Mouvements du MRR", "Movimientos de MRR"),
    "retention": ("Churn and retention", "Abwanderung und Bindung", "Attrition et rétention", "Bajas y retención"),
    "cohorts": ("Cohorts", "Kohorten", "Cohortes", "Cohortes"),
    "payouts": (
        "Payouts to the bank",
        "Auszahlungen an die Bank",
        "Versements à la banque",
        "Pagos al banco",
    ),
    "ledger-entries": ("Journal", "Journal", "Journal", "Libro diario"),
}
_DEFINITIONS: Phrases = {
    "trial-balance": (
        "Every account that was posted to, with debits, credits and balance; a currency’s balances sum to zero.",
        "Jedes bebuchte Konto mit Soll, Haben und Saldo; die Salden einer Währung ergeben zusammen null.",
        "Chaque compte mouvementé, avec débits, crédits et solde ; la somme des soldes d’une devise est nulle.",
        "Cada cuenta con movimientos, con su debe, haber y saldo; los saldos de una moneda suman cero.",
    ),
    "aging": (
        "What customers owe on finalized invoices, by calendar days after the due date. Credit is never netted.",
        "Was Kunden aus finalen Rechnungen schulden, nach Tagen seit Fälligkeit. Guthaben werden nie verrechnet.",
        "Ce que doivent les clients sur factures définitives, par jours de retard. Les avoirs ne sont pas compensés.",
        "Lo que deben los clientes por facturas emitidas, por días de retraso. Los saldos a favor no se compensan.",
    ),
    "tax": (
        "Taxes by jurisdiction, rate and treatment; invoices, credit notes and voids by the day of their own posting.",
        "Steuern nach Gebiet, Satz und Behandlung; Rechnungen, Korrekturen und Stornos am Tag ihrer eigenen Buchung.",
        "Taxes par juridiction, taux et traitement ; factures, avoirs et annulations chacun au jour de son écriture.",
        "Impuestos por jurisdicción, tipo y tratamiento; facturas, rectificaciones y anulaciones en su propia fecha.",
    ),
    "usage": (
        "What invoices bill of usage, by subscription, period and meter; what came late is where it was billed.",
        "Was Rechnungen an Verbrauch berechnen, nach Abonnement, Zeitraum und Zähler; Verspätetes, wo berechnet.",
        "La consommation facturée, par abonnement, période et compteur ; le tardif figure là où il a été facturé.",
        "El consumo facturado, por suscripción, periodo y contador; lo tardío figura donde se facturó.",
    ),
    "revenue": (
        "Net billings and collections, by the day on which they were posted. What was billed is not what was earned.",
        "Nettofakturierung und Zahlungen, nach dem Tag der Buchung. Berechnet ist nicht realisiert.",
        "Facturation nette et encaissements, au jour de leur écriture. Le facturé n’est pas le revenu acquis.",
        "Facturación neta y cobros, por la fecha en que se contabilizaron. Lo facturado no es lo devengado.",
    ),
    "recognition": (
        "Recognised and deferred revenue: a line, after discounts and before tax, is earned evenly over its period.",
        "Realisierter und abgegrenzter Umsatz: jede Zeile, nach Rabatt, vor Steuer, gleichmäßig über ihren Zeitraum.",
        "Revenu acquis et différé : chaque ligne, remises déduites et hors taxes, est acquise linéairement.",
        "Ingresos reconocidos y diferidos: cada línea, sin descuentos ni impuestos, se devenga linealmente.",
    ),
    "mrr": (
        "What running subscriptions come to in a month, and what moved it. No account of the ledger, and not revenue.",
        "Was laufende Abonnements im Monat ergeben, und was es bewegt hat. Kein Konto der Bücher und kein Umsatz.",
        "Ce que représentent les abonnements en cours par mois, et ses mouvements. Ni un compte, ni un revenu acquis.",
        "Lo que suponen al mes las suscripciones en curso, y sus movimientos. No es una cuenta ni un ingreso.",
    ),
    "mrr-movements": (
        "Each movement of monthly recurring revenue (MRR), in the order of time, and what it was for its customer.",
        "Jede Bewegung des monatlich wiederkehrenden Umsatzes (MRR) in zeitlicher Folge, und was sie beim Kunden war.",
        "Chaque mouvement du revenu mensuel récurrent (MRR), par ordre chronologique, et sa nature pour le client.",
        "Cada movimiento de los ingresos recurrentes mensuales (MRR), en orden temporal, y qué fue para el cliente.",
    ),
    "retention": (
        "Of customers with MRR at the begin: how many left, and how much of it was kept, without and with growth.",
        "Von den Kunden mit MRR am Anfang: wie viele gingen, und wie viel davon blieb, ohne und mit Zuwachs.",
        "Parmi les clients ayant du MRR au début : combien sont partis, et la part conservée, hors et avec croissance.",
        "De los clientes con MRR al inicio: cuántos se fueron y cuánto se conservó, sin y con crecimiento.",
    ),
    "cohorts": (
        "Customers by the month in which they first had MRR, and what is left of them and of it month after month.",
        "Kunden nach dem Monat ihres ersten MRR, und was von ihnen und davon Monat für Monat geblieben ist.",
        "Clients selon le mois de leur premier MRR, et ce qu’il en reste mois après mois.",
        "Clientes según el mes de su primer MRR, y lo que queda de ellos y de él mes a mes.",
    ),
    "payouts": (
        "What Stripe paid into the platform’s bank, and what is in it: each row is a movement of the account bank.",
        "Was Stripe an die Bank der Plattform gezahlt hat, und woraus: jede Zeile ist eine Bewegung des Kontos bank.",
        "Ce que Stripe a versé à la banque de la plateforme, et son contenu : chaque ligne mouvemente le compte bank.",
        "Lo que Stripe pagó al banco de la plataforma, y su contenido: cada fila es un movimiento de la cuenta bank.",
    ),
    "ledger-entries": (
        "The postings of every entry, in the order of posting. The postings of one entry sum to zero.",
        "Die Buchungen jedes Vorgangs in der Reihenfolge ihrer Buchung. Die Buchungen eines Vorgangs ergeben null.",
        "Les écritures de chaque opération, dans l’ordre de comptabilisation. Celles d’une opération sont équilibrées.",
        "Los apuntes de cada asiento, en el orden en que se contabilizaron. Los de un asiento suman cero.",
    ),
}
"""In a line each; docs/finance.md says the same at length."""
_SAID: Phrases = {
    "period": ("Period", "Zeitraum", "Période", "Periodo"),
    "as_of": ("Posted before", "Gebucht vor", "Comptabilisé avant le", "Contabilizado antes de"),
    "zone": ("Time zone", "Zeitzone", "Fuseau horaire", "Zona horaria"),
    "test_clock": ("Test clock", "Testuhr", "Horloge de test", "Reloj de prueba"),
    "test_clock_stamp": ("TEST CLOCK", "TESTUHR", "HORLOGE DE TEST", "RELOJ DE PRUEBA"),
    "currencies": ("Currencies", "Währungen", "Devises", "Monedas"),
    "made": ("Made", "Erstellt", "Établi le", "Elaborado"),
    "sum": ("Total", "Summe", "Total", "Total"),
    "row_count": ("Rows", "Zeilen", "Lignes", "Filas"),
    "empty": (
        "There is nothing to report for what was asked.",
        "Zu dieser Anfrage gibt es nichts zu berichten.",
        "Rien à signaler pour cette demande.",
        "No hay nada que informar para lo solicitado.",
    ),
    "columns_of": (
        "Columns {first} to {last} of {count}",
        "Spalten {first} bis {last} von {count}",
        "Colonnes {first} à {last} sur {count}",
        "Columnas {first} a {last} de {count}",
    ),
    "explained": (
        "What the columns say",
        "Was die Spalten sagen (englisch)",
        "Ce que disent les colonnes (en anglais)",
        "Qué dicen las columnas (en inglés)",
    ),
    "option_by": ("Divided by", "Gegliedert nach", "Réparti par", "Desglosado por"),
    "option_rows": ("A row for each of", "Eine Zeile je", "Une ligne par", "Una fila por"),
    "option_per": ("A row for each", "Eine Zeile je", "Une ligne par", "Una fila por"),
    "option_interval": ("A row for each", "Eine Zeile je", "Une ligne par", "Una fila por"),
    "option_over": ("Over a", "Über einen Zeitraum", "Sur une durée", "Por un plazo"),
    "option_day": ("End of", "Ende des", "Fin du", "Fin del"),
    "option_customer": ("Customer", "Kunde", "Client", "Cliente"),
    "option_account": ("Account", "Konto", "Compte", "Cuenta"),
    "option_invoice": ("Invoice", "Rechnung", "Facture", "Factura"),
    "option_kind": ("Kind", "Art", "Type", "Tipo"),
    "option_currency": ("Currency", "Währung", "Devise", "Moneda"),
    "value_plan": ("plan", "Tarif", "offre", "plan"),
    "value_component": ("component", "Bestandteil", "composant", "componente"),
    "value_customer": ("customer", "Kunde", "client", "cliente"),
    "value_country": ("country", "Land", "pays", "país"),
    "value_taxes": ("taxes", "Steuer", "taxe", "impuesto"),
    "value_lines": ("lines", "Rechnungszeile", "ligne de facture", "línea de factura"),
    "value_months": ("months", "Monat", "mois", "mes"),
    "value_waterfall": (
        "months of billing and of earning",
        "Monat der Rechnung und der Realisierung",
        "mois de facturation et d’acquisition",
        "mes de facturación y de devengo",
    ),
    "value_month": ("month", "Monat", "mois", "mes"),
    "value_day": ("day", "Tag", "jour", "día"),
    "value_year": ("year", "Jahr", "année", "año"),
    "value_customers": ("customers", "Kunde", "client", "cliente"),
    "value_invoices": ("invoices", "Rechnung", "facture", "factura"),
    "value_currencies": ("currencies", "Währung", "devise", "moneda"),
    "value_payouts": ("payouts", "Auszahlung", "versement", "pago"),
    "value_transactions": ("transactions", "Transaktion", "transaction", "transacción"),
}

PHRASES: Phrases = {
    **_SAID,
    **{f"name_{name}": said for name, said in _NAMES.items()},
    **{f"definition_{name}": said for name, said in _DEFINITIONS.items()},
    **{f"column_{name}": said for name, said in COLUMNS.items()},
}
"""What reports say beside what all documents do."""
