"""The preset that is used where none is named; a file of its own, so that `--help` imports nothing for it."""

DEFAULT_PRESET = "songs_small"
