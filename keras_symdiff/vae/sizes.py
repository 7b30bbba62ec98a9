"""Sizes of MusicVAE by name, as its arguments."""

SIZES = {
    # 6.7M parameters; docs/results/attempts.md compares it with the LSTMs.
    "dense": {"networks": "dense", "latent_dim": 64, "encoder_units": 640, "decoder_units": (640, 640, 640)},
    "small": {"latent_dim": 64, "encoder_units": 256, "decoder_units": (512,)},
    "magenta": {"latent_dim": 512, "encoder_units": 2048, "decoder_units": (2048, 2048, 2048)},  # cat-mel_2bar_big
}
