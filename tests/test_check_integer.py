import numpy as np
import pytest

from keras_symdiff.check_integer import check_integer


def test_integers_in_the_range_pass():
    check_integer("seed", 0, least=0)
    check_integer("seed", np.int64(9), least=0, most=9)


@pytest.mark.parametrize("wrong", [-1, 10, 3.0, True, "3", None, float("nan")])
def test_others_are_named_with_the_rule(wrong):
    with pytest.raises(ValueError, match=r"`seed` must be an integer in \[0, 9\]. Received: seed="):
        check_integer("seed", wrong, least=0, most=9)
    if wrong != 10:
        with pytest.raises(ValueError, match="an integer of at least 0"):
            check_integer("seed", wrong, least=0)
