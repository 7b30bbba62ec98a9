import keras
import pytest

from keras_symdiff.compilation_cache import VARIABLE, use_compilation_cache

if keras.backend.backend() != "jax":
    pytest.skip("JAX compiles", allow_module_level=True)
import jax


@pytest.fixture(autouse=True)
def _put_back():
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    earlier = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in earlier.items():
        jax.config.update(name, value)


def test_the_users_cache_folder_holds_programs(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    use_compilation_cache()
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "keras_symdiff" / "jax")


@pytest.mark.parametrize(("value", "expected"), [("/elsewhere", "/elsewhere"), ("", None)])
def test_a_variable_moves_or_disables_it(monkeypatch, value, expected):
    monkeypatch.setenv(VARIABLE, value)
    use_compilation_cache()
    assert jax.config.jax_compilation_cache_dir == expected


def test_a_cache_that_jax_has_stays(monkeypatch):
    monkeypatch.delenv(VARIABLE)
    jax.config.update("jax_compilation_cache_dir", "/own")
    use_compilation_cache()
    assert jax.config.jax_compilation_cache_dir == "/own"
