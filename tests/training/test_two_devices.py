import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("`keras.distribution` trains on JAX only", allow_module_level=True)


@pytest.fixture(scope="module")
def results():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "KERAS_BACKEND": "jax"}
    script = Path(__file__).parent / "two_devices.py"
    process = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def test_two_devices_train_as_one(results):
    one, two = results["one"], results["two"]
    assert (one["devices"], two["devices"]) == (1, 2)
    for name in ("loss", "weights"):
        np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-5)  # a key bias has no gradient
    # 15 pieces to validate on: two devices leave the last one out, which also changes the fixed noise
    np.testing.assert_allclose(two["val_loss"], one["val_loss"], rtol=0.3)


def test_several_steps_an_execution_train_as_one(results):
    for name in ("loss", "val_loss", "weights"):
        np.testing.assert_allclose(results["several_steps"][name], results["one"][name], rtol=1e-5, atol=1e-5)


def test_a_batch_that_cannot_be_shared_is_refused(results):
    assert results["refusal"].endswith("Received: batch_size=7 for 2 devices")
