"""Events and webhooks in the API, and what is sent of them."""
