"""The autoregressive baseline as something to train."""

from typing import Any

import keras
import numpy as np
from jaxtyping import Float
from keras import ops

from keras_symdiff.autoregressive.mixture import mixture_log_likelihood
from keras_symdiff.models.transformer_mdn import TransformerMDN
from keras_symdiff.training.fixed_batches import FixedBatches
from keras_symdiff.training.latent_model import LatentModel, network_config


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LatentMDN(LatentModel):
    """Trains a `TransformerMDN` on scaled latents with teacher forcing.

    `fit` minimises the negative log-likelihood of each latent given the ones before it, in nats per phrase, averaged
    over pieces and positions. `compile()` without arguments is the paper's recipe: Adam at 3e-4, global gradient norm
    clipped at 1, and a moving average of the weights as in `LatentDiffusion`.

    Args:
        mdn: the network. Defaults to `TransformerMDN()`, the paper's.
        seed: of the order of batches. Defaults to 0.

    Example:
    ```python
    mdn = keras_symdiff.TransformerMDN(embed_dim=16, num_layers=1, num_heads=2, mlp_dim=16, residual_dim=16)
    model = keras_symdiff.LatentMDN(mdn)  # without an argument, the paper's
    model.compile()
    model.fit(latents, epochs=2)  # latents (N, 32, 42) in [-1, 1]
    ```

    Reference: section 4.2 of the paper.
    """

    learning_rate = 3e-4
    batch_size = 128
    preset_part = "latent_mdn"

    def __init__(self, mdn: TransformerMDN | None = None, seed: int = 0, **kwargs: Any):
        mdn = mdn or TransformerMDN()
        super().__init__(seed, **{"dtype": mdn.dtype_policy} | kwargs)
        self.mdn = mdn

    def validation_batches(self, latents: Float[np.ndarray, "N L D"]) -> FixedBatches:
        """Batches of latents (N, L, D) in their order."""
        return FixedBatches(latents, batch_size=self.batch_size)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: None = None, training: bool = True
    ) -> Float[Any, ""]:
        """Negative log-likelihood of latents `x` (B, L, D), nats per phrase, under the mixtures `y_pred`."""
        self.refuse(y=y, sample_weight=sample_weight)
        means, log_scales, logits = self.mdn(x, training=training) if y_pred is None else y_pred
        self.update_metrics(x, ops.sum(ops.softmax(logits)[..., None] * means, axis=-2))  # (B, L, D) each
        return -ops.mean(mixture_log_likelihood(x, means, log_scales, logits))

    @property
    def network(self) -> TransformerMDN:
        """The TransformerMDN."""
        return self.mdn

    def get_preset_config(self) -> dict[str, Any]:
        """Returns the network's arguments."""
        return {"mdn": network_config(self.mdn)}

    @classmethod
    def from_preset_config(cls, config: dict[str, Any]) -> "LatentMDN":
        return cls(**{**config, "mdn": TransformerMDN(**config["mdn"])})

    def get_config(self) -> dict[str, Any]:
        return {
            "mdn": keras.saving.serialize_keras_object(self.mdn),
            "seed": self.seed,
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LatentMDN":
        return cls(**config | {"mdn": keras.saving.deserialize_keras_object(config["mdn"])})
