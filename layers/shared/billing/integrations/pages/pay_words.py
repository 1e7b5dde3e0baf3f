"""The words of the page on which an invoice is paid."""

from billing.integrations.pdf.words import Phrases

TABLE: Phrases = {
    "pay_download": ("Download PDF", "PDF herunterladen", "Télécharger le PDF", "Descargar PDF"),
}
