"""Sizes of the denoiser by name, as arguments of `TransformerDenoiser`."""

SIZES = {
    "paper": {},
    "small": {"mlp_dim": 512, "residual_dim": 512, "film_dim": 256},
}
