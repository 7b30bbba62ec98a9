"""Pictures and sound of melodies."""
