import keras
import numpy as np
from keras import ops

from keras_symdiff.diffusion.condition_dropout import DROP_RATES, hide_parts
from keras_symdiff.music.condition import CONDITION_DIM, HIDEABLE, PARTS

NOTHING = dict.fromkeys(DROP_RATES, 0.0)


def hidden(rates, num_pieces=2000, length=4):
    """What is hidden of which part of which phrase, `{part: (B, L)}`; a part is hidden whole or not at all."""
    condition = np.random.default_rng(0).uniform(0.1, 1.0, (num_pieces, length, CONDITION_DIM)).astype("float32")
    result = ops.convert_to_numpy(hide_parts(ops.convert_to_tensor(condition), rates, keras.random.SeedGenerator(1)))
    is_hidden = result == 0
    np.testing.assert_array_equal(result[~is_hidden], condition[~is_hidden])
    parts = {name: is_hidden[:, :, part] for name, part in PARTS.items()}
    for mask in parts.values():
        np.testing.assert_array_equal(mask.any(axis=-1), mask.all(axis=-1))
    return {name: mask[:, :, 0] for name, mask in parts.items()}


def test_rates_name_every_part_that_can_be_hidden():
    assert set(DROP_RATES) == {"piece", "phrase", *HIDEABLE}


def test_nothing_is_hidden_at_rates_of_zero_and_all_but_lengths_at_one():
    assert not any(mask.any() for mask in hidden(NOTHING).values())
    for rates in (NOTHING | {"piece": 1.0}, NOTHING | {"phrase": 1.0}, NOTHING | dict.fromkeys(HIDEABLE, 1.0)):
        assert {name for name, mask in hidden(rates).items() if mask.all()} == set(HIDEABLE)
        assert not hidden(rates)["present"].any()
        assert not hidden(rates)["real_steps"].any()


def test_pieces_parts_and_phrases_are_hidden_at_their_rates_and_independently():
    masks = hidden(NOTHING | {"piece": 0.2})
    np.testing.assert_allclose(masks["chroma"].mean(), 0.2, atol=0.03)
    for name in HIDEABLE:
        np.testing.assert_array_equal(masks[name], np.repeat(masks["chroma"][:, :1], 4, axis=1))

    masks = hidden(NOTHING | {"density": 0.5, "register": 0.4})
    assert not masks["chroma"].any()
    both = (masks["density"] & masks["register"])[:, 0].mean()
    np.testing.assert_allclose([masks["density"].mean(), masks["register"].mean(), both], [0.5, 0.4, 0.2], atol=0.04)
    assert (masks["density"].all(axis=1) == masks["density"].any(axis=1)).all()

    masks = hidden(NOTHING | {"phrase": 0.3})
    for name in HIDEABLE:
        np.testing.assert_allclose(masks[name].mean(), 0.3, atol=0.03)
        np.testing.assert_allclose(masks[name].all(axis=1).mean(), 0.3**4, atol=0.01)
    np.testing.assert_allclose((masks["chroma"] & masks["repeats"]).mean(), 0.09, atol=0.02)


def test_every_subset_of_the_parts_is_trained_on():
    masks = hidden(DROP_RATES, num_pieces=5000, length=8)
    told = np.stack([~masks[name] for name in HIDEABLE], axis=-1).reshape(-1, len(HIDEABLE))
    subsets, counts = np.unique(told, axis=0, return_counts=True)
    assert len(subsets) == 2 ** len(HIDEABLE)
    assert counts.min() > 0.005 * len(told)
