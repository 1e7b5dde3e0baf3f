"""The sender of webhooks: begins the attempts that a batch of notices asks for, all at once."""

from billing.bootstrap.webhook_sending import webhook_sender

lambda_handler = webhook_sender().lambda_handler
