"""MusicVAE: 2-bar phrases to and from latents."""
