"""The words around every page of a payer's, and of those that say why there is none."""

from billing.integrations.pdf.words import Phrases

TABLE: Phrases = {
    "language": ("Language", "Sprache", "Langue", "Idioma"),
    "language_name": ("English", "Deutsch", "Français", "Español"),
    "page_questions": (
        "Questions? Ask {name}.",
        "Fragen? Wenden Sie sich an {name}.",
        "Des questions ? Adressez-vous à {name}.",
        "¿Preguntas? Diríjase a {name}.",
    ),
    "page_expired": (
        "This link has expired",
        "Dieser Link ist abgelaufen",
        "Ce lien a expiré",
        "Este enlace ha caducado",
    ),
    "page_expired_text": (
        "Ask {name} for a new one.",
        "Bitten Sie {name} um einen neuen.",
        "Demandez-en un nouveau à {name}.",
        "Pida uno nuevo a {name}.",
    ),
    "page_unknown": (
        "There is no such page",
        "Diese Seite gibt es nicht",
        "Cette page n’existe pas",
        "Esta página no existe",
    ),
    "page_unknown_text": (
        "Check that the link is complete, or ask whoever sent it for a new one.",
        "Prüfen Sie, ob der Link vollständig ist, oder bitten Sie den Absender um einen neuen.",
        "Vérifiez que le lien est complet, ou demandez-en un nouveau à son expéditeur.",
        "Compruebe que el enlace está completo, o pida uno nuevo a quien se lo envió.",
    ),
    "page_refused": (
        "That was not understood",
        "Das wurde nicht verstanden",
        "Cela n’a pas été compris",
        "Eso no se ha entendido",
    ),
    "page_refused_text": (
        "Go back to the page, load it again, and try once more.",
        "Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.",
        "Revenez à la page, rechargez-la, et réessayez.",
        "Vuelva a la página, cárguela de nuevo e inténtelo otra vez.",
    ),
    "page_busy": ("Too many requests", "Zu viele Anfragen", "Trop de requêtes", "Demasiadas solicitudes"),
    "page_busy_text": (
        "Wait a minute, and load this page again.",
        "Warten Sie eine Minute und laden Sie die Seite neu.",
        "Attendez une minute, puis rechargez cette page.",
        "Espere un minuto y vuelva a cargar esta página.",
    ),
    "page_failed": (
        "This does not work just now",
        "Das geht im Moment nicht",
        "Cela ne fonctionne pas pour l’instant",
        "Esto no funciona en este momento",
    ),
    "page_failed_text": (
        "Load this page again in a minute.",
        "Laden Sie die Seite in einer Minute neu.",
        "Rechargez cette page dans une minute.",
        "Vuelva a cargar esta página dentro de un minuto.",
    ),
}
