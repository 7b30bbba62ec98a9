"""What notes outside the key or the chord cost in decoding."""

import numpy as np
from jaxtyping import Float, Float32

from keras_symdiff.constants import FIRST_ONSET, NUM_TOKENS, PHRASE_STEPS, PITCH_OFFSET, STEPS_PER_QUARTER
from keras_symdiff.music.condition import BEATS_PER_PHRASE
from keras_symdiff.music.harmony import sounding
from keras_symdiff.music.key import Key
from keras_symdiff.music.key_cost import KEY_COST

STRONG_STEPS = tuple(range(0, PHRASE_STEPS, 2 * STEPS_PER_QUARTER))  # the first and third quarter of each half

_CLASSES = (np.arange(FIRST_ONSET, NUM_TOKENS) + PITCH_OFFSET) % 12  # pitch class of each onset token


def pitch_bias(
    chroma: Float[np.ndarray, "N 8 12"], key: Key | None = None, key_cost: float = KEY_COST, chord_cost: float = 0.0
) -> Float32[np.ndarray, "N 32 90"]:
    """Makes the bias with which `MusicVAE.decode` avoids notes outside the key and, on strong beats, the chord.

    Music that is decoded with it is decoded under a constraint; figures measured on it say so.

    Args:
        chroma: what the other tracks sound in each beat of N phrases; NaN where nobody knows.
        key: the key; `None` for none. A note outside costs nothing in a beat in which the other tracks sound its
            pitch class, such as a leading note in a minor key. Defaults to `None`.
        key_cost: nats that an onset outside the key costs. Defaults to 2: a seventh of such notes stay where the
            decoder is undecided, and what it is sure of goes through.
        chord_cost: nats that an onset on the first or third quarter of a bar costs if its pitch class does not sound
            in a beat in which something does. Defaults to 0.

    Returns:
        Values of 0 and below for each step and token; tokens that are no onset cost nothing.

    Raises:
        ValueError: if a cost is below 0 or not finite.

    Example:
    ```python
    pitch_bias(chroma, Key.parse("A minor")).shape  # (32, 32, 90), for `MusicVAE.decode(latents, bias=...)`
    ```
    """
    for name, cost in (("key_cost", key_cost), ("chord_cost", chord_cost)):
        if not 0 <= cost < np.inf:
            raise ValueError(f"A cost is finite and at least 0. Received: {name}={cost}")
    heard = sounding(chroma)  # (N, 8, 12)
    costs = np.zeros((len(heard), BEATS_PER_PHRASE, STEPS_PER_QUARTER, 12), "float32")
    if key is not None:
        outside = ~np.isin(np.arange(12), key.pitch_classes) & ~heard
        costs += key_cost * outside[:, :, None]
    costs = costs.reshape(-1, PHRASE_STEPS, 12)
    of_chord = heard | ~heard.any(axis=-1, keepdims=True)
    strong = list(STRONG_STEPS)
    costs[:, strong] += chord_cost * ~of_chord[:, [step // STEPS_PER_QUARTER for step in strong]]
    bias = np.zeros((len(heard), PHRASE_STEPS, NUM_TOKENS), "float32")
    bias[:, :, FIRST_ONSET:] = -costs[:, :, _CLASSES]
    return bias
