"""A local server and its page, on which songs are seen, heard and composed: `symdiff studio`."""
