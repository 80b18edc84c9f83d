"""The other side of the wire: a Webex to try things on. Of ours it imports times.py only."""
