"""New bytes of the webhook logs become events, rejected lines and news of days."""
