"""Sizes of the denoiser by name, as arguments of `TransformerDenoiser`."""

SIZES = {
    "paper": {},
    "small": {"embed_dim": 192, "mlp_dim": 768, "residual_dim": 512, "film_dim": 256},
}
