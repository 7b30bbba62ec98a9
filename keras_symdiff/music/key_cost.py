"""What a note outside the key costs where nothing else is said; a file of its own, so that `--help` imports nothing."""

KEY_COST = 2.0  # nats
MOST_KEY_COST = 100  # beyond this nothing changes, and numbers end
