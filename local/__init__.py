"""The stack on one machine: emulator, deployment, Stripe sandbox, gateway, demo."""
