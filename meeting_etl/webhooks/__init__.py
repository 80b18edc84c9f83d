"""All that Webex says to us."""
