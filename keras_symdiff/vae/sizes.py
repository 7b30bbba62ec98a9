"""Sizes of MusicVAE by name, as its arguments."""

SIZES = {
    "small": {"latent_dim": 64, "encoder_units": 256, "decoder_units": (512,)},
    "magenta": {},  # cat-mel_2bar_big
}
