"""The webhook receiver: events that Webex posts are durable before they are answered."""
