"""From MusicVAE latents to what the diffusion model sees, and back."""
