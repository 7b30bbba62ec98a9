"""Sizes of the denoiser by name, as arguments of `TransformerDenoiser`."""

_PAPER = {
    "embed_dim": 128,
    "num_layers": 6,
    "num_heads": 8,
    "mlp_dim": 2048,
    "num_residual_blocks": 2,
    "residual_dim": 2048,
    "film_dim": 512,
}
SIZES = {
    "paper": _PAPER,
    "small": _PAPER | {"embed_dim": 192, "mlp_dim": 768, "residual_dim": 512, "film_dim": 256},
}
