"""New bytes of the webhook logs become events, rejected lines, and news for the days they touch."""
