import numpy as np
import pytest

from keras_symdiff.check_finite import check_finite


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_counted(wrong):
    values = np.zeros((3, 4), np.float32)
    check_finite("Latents", values)
    values[1, 2] = wrong
    with pytest.raises(ValueError, match=r"^Latents must be finite. Received: 1 of 12 numbers NaN or infinite$"):
        check_finite("Latents", values)


def test_integers_and_nothing_pass():
    check_finite("Tokens", np.arange(3))
    check_finite("Latents", np.zeros((0, 4)))
    check_finite("Latents", [1.0, 2.0])
