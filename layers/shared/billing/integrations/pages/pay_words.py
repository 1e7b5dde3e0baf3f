"""The words of the page on which an invoice is paid."""

from billing.integrations.pdf.words import Phrases

TABLE: Phrases = {
    "pay_button": (
        "Pay {amount} by card",
        "{amount} mit Karte bezahlen",
        "Payer {amount} par carte",
        "Pagar {amount} con tarjeta",
    ),
    "pay_download": ("Download PDF", "PDF herunterladen", "Télécharger le PDF", "Descargar PDF"),
    "pay_at_stripe": (
        "You enter your card on a secure page of Stripe’s. It is not stored here.",
        "Ihre Karte geben Sie auf einer sicheren Seite von Stripe ein. Hier wird sie nicht gespeichert.",
        "Vous saisissez votre carte sur une page sécurisée de Stripe. Elle n’est pas enregistrée ici.",
        "Introduce su tarjeta en una página segura de Stripe. Aquí no se guarda.",
    ),
    "pay_look_again": ("Look again", "Erneut nachsehen", "Vérifier à nouveau", "Volver a comprobar"),
    "pay_by_transfer": ("Pay by transfer", "Per Überweisung bezahlen", "Payer par virement", "Pagar por transferencia"),
    # --- how it stands with the invoice ---
    "pay_paid": (
        "This invoice is paid. Nothing more is to be done.",
        "Diese Rechnung ist bezahlt. Es ist nichts weiter zu tun.",
        "Cette facture est payée. Il n’y a plus rien à faire.",
        "Esta factura está pagada. No hay nada más que hacer.",
    ),
    "pay_processing": (
        "Your payment is being processed. Do not pay a second time.",
        "Ihre Zahlung wird bearbeitet. Bezahlen Sie nicht noch einmal.",
        "Votre paiement est en cours de traitement. Ne payez pas une seconde fois.",
        "Su pago se está procesando. No pague por segunda vez.",
    ),
    "pay_declined": (
        "The last payment was declined, and nothing was taken. Try another card.",
        "Die letzte Zahlung wurde abgelehnt, nichts wurde abgebucht. Versuchen Sie es mit einer anderen Karte.",
        "Le dernier paiement a été refusé, rien n’a été débité. Essayez une autre carte.",
        "El último pago fue rechazado y no se cobró nada. Pruebe con otra tarjeta.",
    ),
    "pay_unauthenticated": (
        "Your bank wants you to confirm this payment. Nothing was taken yet.",
        "Ihre Bank verlangt, dass Sie diese Zahlung bestätigen. Es wurde noch nichts abgebucht.",
        "Votre banque vous demande de confirmer ce paiement. Rien n’a encore été débité.",
        "Su banco le pide que confirme este pago. Aún no se ha cobrado nada.",
    ),
    "pay_not_by_card": (
        "This amount cannot be paid by card.",
        "Dieser Betrag kann nicht mit Karte bezahlt werden.",
        "Ce montant ne peut pas être payé par carte.",
        "Este importe no se puede pagar con tarjeta.",
    ),
    "pay_void": (
        "This invoice was canceled. Nothing is to be paid.",
        "Diese Rechnung wurde storniert. Es ist nichts zu bezahlen.",
        "Cette facture a été annulée. Il n’y a rien à payer.",
        "Esta factura fue anulada. No hay nada que pagar.",
    ),
    "pay_unavailable": (
        "Card payments do not work just now, and nothing was taken. Try again in a minute.",
        "Kartenzahlungen gehen im Moment nicht, nichts wurde abgebucht. Versuchen Sie es in einer Minute noch einmal.",
        "Les paiements par carte ne fonctionnent pas pour l’instant, rien n’a été débité. Réessayez dans une minute.",
        "Los pagos con tarjeta no funcionan en este momento y no se cobró nada. Inténtelo de nuevo en un minuto.",
    ),
}
