"""All that we say to Webex. The only importer of requests."""
