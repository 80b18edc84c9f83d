"""What was deleted at Webex, and what follows from that here."""
