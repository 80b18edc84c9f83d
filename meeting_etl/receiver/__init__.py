"""The webhook receiver: what Webex posts is on disk before it is answered."""
