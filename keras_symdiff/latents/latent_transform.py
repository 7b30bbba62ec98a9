"""What the diffusion model sees of a MusicVAE latent, and the way back."""

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.check_finite import check_finite
from keras_symdiff.files.read_json import read_json
from keras_symdiff.presets.preset_part import PresetPart
from keras_symdiff.write_atomically import write_atomically

MOST_DIMS = 1 << 16


@dataclasses.dataclass(frozen=True, eq=False)
class LatentTransform(PresetPart):
    """Keeps the dimensions of a latent that carry information and scales each of them to [-1, 1].

    A dimension `k` of the kept ones becomes `(z - center) / half_range`, where `center` and `half_range` come from the
    least and the greatest value it takes in the training split. Latents of other splits may leave [-1, 1]; nothing is
    clipped. A dimension that took a single value in training has no range and is only centred.

    Both directions compute in float64. `inverse(forward(z))` gives kept dimensions of float32 latents back to the last
    bit wherever `|z|` is above a ten-millionth of the dimension's range (below that float64 itself rounds, by about
    1e-16 of the range). That needs `forward`'s float64 output: rounded to float32, as the network sees it, a latent
    comes back within 1e-7 of its range.

    Args:
        kept_dims: D strictly increasing integers in [0, latent_dim).
        minimum: least value of each kept dimension in the training split.
        maximum: greatest value of each kept dimension in the training split.
        latent_dim: Z, size of the MusicVAE's latents.

    Raises:
        ValueError: If the arguments contradict one another.

    Example:
    ```python
    vae = keras_symdiff.MusicVAE.from_preset()
    mean, stddev = vae.encode(tokens[0])
    transform = LatentTransform.fit(mean, stddev)
    scaled = transform.forward(mean)  # (N, D)
    latents = transform.inverse(scaled)  # (N, Z)
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 3.1 and the supplement's "latent trimming".
          The released code scales all dimensions by one pair of numbers, and training and evaluation by different ones.
    """

    preset_part = "latent_transform.json"

    kept_dims: Int[np.ndarray, " D"]
    minimum: Float[np.ndarray, " D"]
    maximum: Float[np.ndarray, " D"]
    latent_dim: int

    def __post_init__(self):
        if isinstance(self.latent_dim, bool) or not isinstance(self.latent_dim, int | np.integer):
            raise ValueError(f"`latent_dim` must be an integer. Received: latent_dim={self.latent_dim!r}")
        if not 1 <= self.latent_dim <= MOST_DIMS:
            raise ValueError(f"`latent_dim` must be in [1, {MOST_DIMS}]. Received: latent_dim={self.latent_dim}")
        kept_dims = np.array(self.kept_dims)
        minimum = np.array(self.minimum, dtype=np.float64)
        maximum = np.array(self.maximum, dtype=np.float64)
        if (
            kept_dims.ndim != 1
            or not len(kept_dims)
            or not np.issubdtype(kept_dims.dtype, np.integer)
            or np.any(np.diff(kept_dims) <= 0)
            or kept_dims[0] < 0
            or kept_dims[-1] >= self.latent_dim
        ):
            raise ValueError(
                "`kept_dims` must be at least one integer, strictly increasing, in [0, latent_dim). "
                f"Received: kept_dims={kept_dims}, latent_dim={self.latent_dim}"
            )
        if minimum.shape != kept_dims.shape or maximum.shape != kept_dims.shape:
            raise ValueError(
                "`minimum` and `maximum` must hold one number per kept dimension. "
                f"Received: shapes {minimum.shape} and {maximum.shape} for {len(kept_dims)} kept dimensions"
            )
        if not np.all(np.isfinite(minimum) & np.isfinite(maximum) & (minimum <= maximum)):
            raise ValueError(
                "`minimum` and `maximum` must be finite and in this order. "
                f"Received: minimum={minimum}, maximum={maximum}"
            )
        for name, value in (("kept_dims", kept_dims), ("minimum", minimum), ("maximum", maximum)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def fit(
        cls,
        mean: Float[np.ndarray, "N Z"],
        stddev: Float[np.ndarray, "N Z"] | None = None,
        threshold: float = 1.0,
        kept_dims: Sequence[int] | Int[np.ndarray, " D"] | None = None,
    ) -> "LatentTransform":
        """Chooses the kept dimensions and their ranges from the training split's posteriors.

        A dimension is kept if its posterior standard deviation, averaged over the training split, is below `threshold`:
        at the prior's 1.0 the encoder says nothing in it.

        Args:
            mean: posterior means of the training split, and of nothing else.
            stddev: posterior standard deviations. Needed unless `kept_dims` is given.
            threshold: defaults to `1.0`.
            kept_dims: keep exactly these, as `constants.MAGENTA_KEPT_DIMS` for Magenta's published
                checkpoint.

        Returns:
            A `LatentTransform`.

        Raises:
            ValueError: If shapes are wrong, a number is not finite, or no dimension is below `threshold`.
        """
        return cls.fit_batches([(mean, stddev)], threshold, kept_dims)

    @classmethod
    def fit_batches(
        cls,
        batches: Iterable[tuple[Any, Any]],
        threshold: float = 1.0,
        kept_dims: Sequence[int] | Int[np.ndarray, " D"] | None = None,
    ) -> "LatentTransform":
        """Does what `fit` does in one pass over a split that does not fit into memory.

        Args:
            batches: pairs `(mean, stddev)` of arrays (N, Z), N of any size; such as
                `tfds_lmd_latents.posteriors(dataset)`. Memory is bounded by one batch.
            threshold: defaults to `1.0`.
            kept_dims: as for `fit`.

        Returns:
            A `LatentTransform`.

        Raises:
            ValueError: As `fit`; also if there is no batch.
        """
        count, total, minimum, maximum = 0, np.zeros(1), np.full(1, np.inf), np.full(1, -np.inf)
        for mean, stddev in batches:
            mean = np.asarray(mean)
            if mean.ndim != 2 or not len(mean) or (count and mean.shape[1:] != minimum.shape):
                raise ValueError(f"`mean` must have shape (N, Z) with N >= 1. Received: mean of shape {mean.shape}")
            if kept_dims is None:
                if np.shape(stddev) != mean.shape:
                    raise ValueError(
                        "Without `kept_dims`, `stddev` must have the shape of `mean`. "
                        f"Received: stddev of shape {np.shape(stddev)}, mean of shape {mean.shape}"
                    )
                check_finite("`stddev`", stddev)
                total = total + np.sum(stddev, axis=0, dtype=np.float64)  # (Z,)
            count += len(mean)
            minimum, maximum = np.minimum(minimum, mean.min(axis=0)), np.maximum(maximum, mean.max(axis=0))  # (Z,)
        if not count:
            raise ValueError("A transform is fitted on at least one batch. Received: no batches")
        if kept_dims is None:
            average = total / count
            kept_dims = np.flatnonzero(average < threshold)
            if not len(kept_dims):
                raise ValueError(
                    "At least one dimension's mean posterior standard deviation must be below `threshold`. "
                    f"Received: threshold={threshold}, least mean standard deviation {average.min():.4f}"
                )
        kept = np.asarray(kept_dims)
        return cls(kept, minimum[kept], maximum[kept], len(minimum))

    @property
    def num_kept_dims(self) -> int:
        """Number of kept dimensions D, the channels of the diffusion model."""
        return len(self.kept_dims)

    def forward(self, latents: Float[np.ndarray, "*N Z"]) -> Float[np.ndarray, "*N D"]:
        """Keeps and scales.

        Args:
            latents: latents of the MusicVAE.

        Returns:
            The scaled latents, float64, in [-1, 1] on the training split.

        Raises:
            ValueError: If the last axis is not Z long.
        """
        latents = np.asarray(latents)
        if latents.ndim < 1 or latents.shape[-1] != self.latent_dim:
            raise ValueError(f"`latents` must have shape (..., {self.latent_dim}). Received: shape {latents.shape}")
        center, half_range = self.center_and_half_range()
        return (latents[..., self.kept_dims].astype(np.float64) - center) / half_range  # (..., D)

    def inverse(self, scaled: Float[np.ndarray, "*N D"], fill_seed: int | None = None) -> Float[np.ndarray, "*N Z"]:
        """Unscales, and fills the dimensions that were not kept.

        Args:
            scaled: what `forward` returned, or samples of a model trained on it.
            fill_seed: `None` fills with 0, the mean of the prior; an integer fills with N(0, 1) noise of that seed
                (the released code does so afresh at every decoding). Defaults to `None`.

        Returns:
            The latents, float32.

        Raises:
            ValueError: If the last axis is not D long.
        """
        scaled = np.asarray(scaled)
        if scaled.ndim < 1 or scaled.shape[-1] != self.num_kept_dims:
            raise ValueError(f"`scaled` must have shape (..., {self.num_kept_dims}). Received: shape {scaled.shape}")
        shape = (*scaled.shape[:-1], self.latent_dim)
        if fill_seed is None:
            latents = np.zeros(shape, dtype=np.float32)
        else:
            latents = np.random.default_rng(fill_seed).standard_normal(shape, dtype=np.float32)
        center, half_range = self.center_and_half_range()
        latents[..., self.kept_dims] = scaled.astype(np.float64) * half_range + center
        return latents  # (..., Z)

    def center_and_half_range(self) -> tuple[Float[np.ndarray, " D"], Float[np.ndarray, " D"]]:
        """What `forward` subtracts and then divides by; a range of 0 counts as 2: it only centres."""
        half_range = (self.maximum - self.minimum) / 2
        return (self.minimum + self.maximum) / 2, np.where(half_range == 0, 1.0, half_range)  # (D,), (D,)

    def get_config(self) -> dict[str, Any]:
        """Returns a JSON-able dict of the arguments."""
        return {
            "latent_dim": int(self.latent_dim),
            "kept_dims": self.kept_dims.tolist(),
            "minimum": self.minimum.tolist(),
            "maximum": self.maximum.tolist(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LatentTransform":
        """Returns the transform of a `get_config` dict, equal to the last bit."""
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(config, dict) or set(config) != names:
            keys = sorted(config) if isinstance(config, dict) else config
            raise ValueError(f"A transform's config has the keys {sorted(names)}. Received: {keys}")
        return cls(**config)

    @classmethod
    def read_part(cls, path: str | os.PathLike) -> "LatentTransform":
        return cls.load(path)

    def write_part(self, path: str | os.PathLike) -> None:
        self.save(path)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the transform as JSON; an interrupted write leaves an earlier file whole.

        Args:
            path: file to write, by custom `latent_transform.json` beside the weights.
        """
        write_atomically(path, (json.dumps(self.get_config(), indent=1) + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike) -> "LatentTransform":
        """Reads what `save` wrote.

        Args:
            path: JSON file.

        Returns:
            A `LatentTransform`.

        Raises:
            ValueError: If the file is no transform's JSON.
            FileNotFoundError: If there is no such file.
        """
        try:
            return cls.from_config(read_json(path))
        except (OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"The file must hold a LatentTransform's JSON. Received: {path} ({error})") from error
