import pytest

from keras_symdiff.diffusion.sampler import QUALITIES, SAMPLERS, Sampler


def test_qualities_cost_ever_more_steps():
    assert list(QUALITIES) == ["draft", "normal", "best"]
    assert [sampler.num_steps for sampler in QUALITIES.values()] == [10, 25, 100]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "euler"}, "name=euler"),
        ({"num_steps": 0}, "num_steps=0"),
        ({"num_steps": 2.5}, "num_steps=2.5"),
        ({"name": "heun", "resamplings": None}, "resamplings=None"),
        ({"name": "heun", "resamplings": 0}, "resamplings=0"),
        ({"resamplings": 2}, "resamplings=2"),
        ({"name": "ddim", "resamplings": 100_000_000}, "resamplings=100000000"),
        ({"num_steps": 10**12}, "num_steps=1000000000000"),
        ({"guidance": float("inf")}, "guidance=inf"),
        ({"guidance": "1"}, "guidance='1'"),
        ({"name": "dpm-solver-sde", "noise_scale": True}, "noise_scale=True"),
        ({"name": "ddim", "eta": -0.1}, "eta=-0.1"),
        ({"name": "ddim", "eta": 1.1}, "eta=1.1"),
        ({"name": "dpm-solver-sde", "noise_scale": -0.1}, "noise_scale=-0.1"),
        ({"name": "dpm-solver-sde", "noise_scale": float("nan")}, "noise_scale=nan"),
        ({"guidance": -0.1}, "guidance=-0.1"),
        ({"guidance": float("nan")}, "guidance=nan"),
        ({"condition_scale": -0.1}, "condition_scale=-0.1"),
        *(({"name": name, "noise_scale": 0.9}, "noise_scale=0.9") for name in SAMPLERS if name != "dpm-solver-sde"),
        *(({"name": name, "eta": 0.5}, "eta=0.5") for name in SAMPLERS if name != "ddim"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=f"Received: {message}"):
        Sampler(**arguments)
