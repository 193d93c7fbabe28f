"""The processes of a trial and what they agree on."""
