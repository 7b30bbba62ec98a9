"""Sizes of the networks by model and name, as their arguments, and how they are trained."""

_PAPER = {
    "embed_dim": 128,
    "num_layers": 6,
    "num_heads": 8,
    "mlp_dim": 2048,
    "num_residual_blocks": 2,
    "residual_dim": 2048,
}
_SMALL = _PAPER | {"embed_dim": 192, "mlp_dim": 768, "residual_dim": 512}
# At 64 channels the small denoiser has 4.6M parameters, the small MDN 4.9M.
SIZES = {
    "diffusion": {"paper": _PAPER | {"film_dim": 512}, "small": _SMALL | {"film_dim": 256, "copies": True}},
    "mdn": {"paper": _PAPER | {"num_mixtures": 100}, "small": _SMALL | {"num_mixtures": 16}},
}
# The paper's pieces per batch, and learning rate at the first step.
BATCH_SIZES = {"diffusion": 64, "mdn": 128}
RATES = {"diffusion": 1e-3, "mdn": 3e-4}
