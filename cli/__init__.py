"""The `symdiff` command line."""
