"""The sender of webhooks: begins the attempts that a batch of notices asks for, all at once."""

from billing.bootstrap.webhook_sending import webhook_sender
from billing.schemas.webhooks.event import body

lambda_handler = webhook_sender(body).lambda_handler
