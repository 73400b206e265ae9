"""Ways to tell people and systems about a flagged event, each one small file behind the protocol in base.py."""
