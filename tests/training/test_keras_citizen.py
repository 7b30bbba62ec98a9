"""Every ordinary way to use a Keras model, on the three models of the package."""

import shutil

import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import (
    LatentDiffusion,
    LatentMDN,
    MusicVAE,
    NoiseSchedule,
    TransformerDenoiser,
    TransformerMDN,
    sample,
)
from keras_symdiff.training.seeded_batches import SeededBatches

SIZES = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}
STREAM = np.random.default_rng(0)
LATENTS = STREAM.uniform(-1, 1, (24, 4, 3)).astype("float32")
TOKENS = STREAM.integers(0, 90, (24, 32)).astype("int32")
LEVELS = np.linspace(0.1, 0.9, 24, dtype="float32")[:, None]
BACKEND = keras.backend.backend()


@pytest.fixture(scope="module", autouse=True)
def _compiles_once(tmp_path_factory):
    """Compiling is most of what JAX does here, and most programs are the same in several tests."""
    if BACKEND != "jax":
        yield
        return
    import jax

    earlier = jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("cache")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    yield
    jax.config.update("jax_compilation_cache_dir", earlier[0])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", earlier[1])


def diffusion(**options):
    keras.utils.set_random_seed(0)
    return LatentDiffusion(TransformerDenoiser(4, 3, noise_embed_dim=8, film_dim=8, **SIZES, **options), seed=3)


def mdn(**options):
    keras.utils.set_random_seed(0)
    return LatentMDN(TransformerMDN(4, 3, num_mixtures=2, **SIZES, **options), seed=3)


def vae(**options):
    keras.utils.set_random_seed(0)
    return MusicVAE(latent_dim=3, encoder_units=4, decoder_units=(4,), seed=3, **options)


MODELS = {diffusion: LATENTS, mdn: LATENTS, vae: TOKENS}
every_model = pytest.mark.parametrize(("make", "x"), MODELS.items(), ids=[make.__name__ for make in MODELS])
# `mdn` has nothing of its own in what these try.
two_models = pytest.mark.parametrize(("make", "x"), [(diffusion, LATENTS), (vae, TOKENS)], ids=["diffusion", "vae"])


def compiled(make, **options):
    model = make()
    model.compile(**options)
    return model


def fit(model, x, first=0, epochs=1, **options):
    options = {"batch_size": 8, "verbose": 0} | options
    return model.fit(x, initial_epoch=first, epochs=epochs, **options).history["loss"]


def network_inputs(model):
    return [LATENTS, LEVELS] if isinstance(model, LatentDiffusion) else LATENTS


@every_model
def test_after_fit_everything_works_in_any_order(make, x, tmp_path):
    model = compiled(make)
    inputs = x if make is vae else network_inputs(model)
    calls = [
        lambda: model.predict(inputs, verbose=0),
        lambda: model.evaluate(x, verbose=0),
        lambda: model.train_on_batch(x[:8]),
        lambda: model.test_on_batch(x[:8]),
        lambda: model.predict_on_batch(inputs),
        lambda: model(inputs),
        lambda: model.save(tmp_path / "model.keras"),
        lambda: model.save_weights(tmp_path / "model.weights.h5"),
        lambda: model.load_weights(tmp_path / "model.weights.h5"),
        lambda: fit(model, x),
    ]
    if make is diffusion:
        calls.append(lambda: sample(model, 2, schedule=NoiseSchedule.linear(5)))
    fit(model, x)
    for call in (*calls, *calls[::-1], *calls[::3], *calls[1::3]):
        call()
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


@every_model
def test_a_refused_call_does_not_cost_the_model(make, x):
    model = compiled(make)
    fit(model, x)
    weights = model.get_weights()
    wrong = np.zeros((8, 5, 7, 2), x.dtype)
    for call in (
        lambda: model.evaluate(wrong, verbose=0),
        lambda: model.predict([wrong, LEVELS[:8]], verbose=0),
        lambda: model.fit(wrong, verbose=0),
        lambda: model.fit(FailsLater(x), verbose=0),
        lambda: model.train_on_batch(wrong),
        lambda: model.train_on_batch(x[:8], sample_weight=np.ones(8)),
    ):
        with pytest.raises((ValueError, TypeError, RuntimeError, tf_error())):
            call()
        assert all(np.isfinite(w).all() for w in model.get_weights())
    for before, after in zip(weights, model.get_weights(), strict=True):
        assert before.shape == after.shape
    assert np.isfinite(model.evaluate(x, verbose=0)).all()
    assert np.isfinite(fit(model, x)).all()


def tf_error():
    """What TensorFlow raises where shapes do not fit."""
    if BACKEND != "tensorflow":
        return ValueError
    import tensorflow as tf

    return tf.errors.OpError


class FailsLater(keras.utils.PyDataset):
    """A good batch, then one that no model takes."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (self.x[:8] if index == 0 else np.zeros((8, 5, 7, 2), self.x.dtype),)


@every_model
def test_what_the_model_cannot_honour_is_refused_in_one_line(make, x):
    model = compiled(make)
    with pytest.raises(ValueError, match=r"has its own loss. Received: loss=mse"):
        model.compile(loss="mse")
    for options in ({"class_weight": {0: 1.0}}, {"sample_weight": np.ones(24)}, {"y": x}):
        with pytest.raises(ValueError, match=f"has its own targets .* Received: {next(iter(options))} of type"):
            model.fit(x, **options)
    with pytest.raises(ValueError, match="Received: sample_weight"):
        model.evaluate(x, sample_weight=np.ones(24))
    for name, value in [("batch_size", 0), ("steps_per_epoch", 2.5), ("validation_split", 1.0)]:
        with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}={value}"):
            model.fit(x, **{name: value})
    for wrong in (None, "folder", {"x": x}, x.tolist()):
        with pytest.raises(ValueError, match=r"Examples are an array, .* Received: x of type"):
            model.fit(wrong)
    with pytest.raises(ValueError, match=r"There must be at least one example"):
        model.evaluate(x[:0])
    with pytest.raises(ValueError, match=r"You must call `compile\(\)`"):
        make().evaluate(x)


@every_model
def test_a_model_is_saved_in_files_from_which_it_can_be_loaded(make, x, tmp_path):
    with pytest.raises(ValueError, match=r"saved as .keras, its weights by `save_weights`"):
        make().save(tmp_path / "model.h5")
    assert not list(tmp_path.iterdir())


def test_one_callback_is_as_good_as_a_list():
    model, seen = compiled(mdn), []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    fit(model, LATENTS, callbacks=count)
    fit(model, LATENTS, callbacks=keras.callbacks.CallbackList([count], model=model))
    assert seen == [0, 0]


def test_layers_that_are_frozen_after_fit_need_a_new_compile():
    model = compiled(diffusion)
    fit(model, LATENTS)
    dense = model.denoiser.get_layer("output_dense")
    dense.trainable = False
    with pytest.raises(ValueError, match="After a change of `trainable`, compile the model again"):
        fit(model, LATENTS)
    model.compile()
    before = dense.get_weights()
    fit(model, LATENTS)
    np.testing.assert_array_equal(dense.get_weights()[0], before[0])


@pytest.mark.parametrize("make", [diffusion, mdn], ids=["diffusion", "mdn"])
def test_a_network_can_be_cloned(make):
    network = make().network
    clone = keras.models.clone_model(network)
    assert [weights.shape for weights in clone.weights] == [weights.shape for weights in network.weights]


def test_tokens_that_are_none_are_refused_before_training():
    with pytest.raises(ValueError, match=r"Tokens must lie in \[0, 89\]. Received: tokens from 100 to 100"):
        compiled(vae).fit(np.full((8, 32), 100))


@every_model
def test_two_epochs_and_two_more_are_four(make, x, tmp_path):
    expected = fit(compiled(make), x, epochs=4)
    model = compiled(make)
    losses = fit(model, x, epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for going_on in (model, loaded):
        np.testing.assert_allclose(losses + fit(going_on, x, first=2, epochs=4), expected, rtol=1e-5)


@two_models
def test_a_checkpoint_of_a_whole_model_goes_on(make, x, tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    only_weights = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True)
    expected = fit(compiled(make), x, epochs=3, callbacks=[checkpoint, only_weights])
    loaded = keras.models.load_model(tmp_path / "1.keras")
    np.testing.assert_allclose(fit(loaded, x, first=1, epochs=3), expected[1:], rtol=1e-5)
    model = compiled(make)
    model.optimizer.build(model.trainable_variables)
    model.load_weights(tmp_path / "2.weights.h5")
    np.testing.assert_allclose(fit(model, x, first=2, epochs=3), expected[2:], rtol=1e-5)


@two_models
def test_backup_and_restore_goes_on_where_a_run_broke_off(make, x, tmp_path):
    def stop(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    expected = fit(compiled(make), x, epochs=4)
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit(compiled(make), x, epochs=4, callbacks=[backup, keras.callbacks.LambdaCallback(on_epoch_begin=stop)])
    model = compiled(make)
    np.testing.assert_allclose(fit(model, x, epochs=4, callbacks=[backup]), expected[2:], rtol=1e-5)


@two_models
def test_early_stopping(make, x):
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, min_delta=100.0, restore_best_weights=True)
    assert len(fit(compiled(make), x, epochs=9, validation_data=x[:9], callbacks=[stop])) == 2


@two_models
def test_tensorboard(make, x, tmp_path):
    for package in ("tensorflow", "tensorboard"):  # with which Keras writes on every backend
        pytest.importorskip(package)
    fit(compiled(make), x, epochs=1, validation_data=x[:9], callbacks=[keras.callbacks.TensorBoard(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {"train", "validation"}


@every_model
def test_forms_of_validation_data_agree(make, x):
    model = compiled(make)
    expected = model.evaluate(x, verbose=0, return_dict=True)["loss"]
    losses = [np.ravel(model.evaluate(x, batch_size=size, verbose=0))[0] for size in (None, 7)]
    for validation in (x, (x,), model.validation_batches(x), ops.convert_to_tensor(x)):
        model = compiled(make, optimizer=keras.optimizers.SGD(0.0))
        losses += model.fit(x, validation_data=validation, verbose=0).history["val_loss"]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    model = compiled(make, optimizer=keras.optimizers.SGD(0.0))
    (loss,) = model.fit(x, validation_split=0.25, verbose=0).history["val_loss"]
    assert loss == pytest.approx(np.ravel(model.evaluate(x[18:], verbose=0))[0], rel=1e-5)


@every_model
def test_metrics_compare_what_the_loss_compares(make, x):
    name = "sparse_categorical_accuracy" if make is vae else "mse"
    model = compiled(make, metrics=[name])
    history = model.fit(x, batch_size=8, epochs=2, validation_data=x[:9], verbose=0).history
    assert len(history[name]) == len(history[f"val_{name}"]) == 2
    assert model.evaluate(x, verbose=0, return_dict=True).keys() >= {"loss", name}
    if make is diffusion:
        np.testing.assert_allclose(history["mse"], history["loss"], rtol=1e-5)


@two_models
def test_steps_per_epoch(make, x):
    seen = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    fit(compiled(make), x, epochs=2, steps_per_epoch=5, callbacks=[count])
    assert seen == [0, 1, 2, 3, 4] * 2


@two_models
@pytest.mark.parametrize("options", [{"jit_compile": True}, {"jit_compile": False}, {"run_eagerly": True}], ids=str)
def test_compiled_or_not_is_the_same_training(make, x, options):
    if BACKEND == "torch" and options.get("jit_compile"):
        pytest.skip("torch.compile takes a minute")
    model = compiled(make, **options)
    losses = fit(model, x, epochs=2)
    if BACKEND == "tensorflow" and options.get("jit_compile"):
        assert np.isfinite(losses).all()  # XLA draws TensorFlow's random numbers by another algorithm
    else:
        np.testing.assert_allclose(losses, fit(compiled(make), x, epochs=2), rtol=1e-4)
    model.evaluate(x, verbose=0)
    model.predict(x if make is vae else network_inputs(model), verbose=0)


@two_models
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_saves_and_goes_on(make, x, policy, tmp_path):
    def mixed():
        return make(dtype=policy)

    expected = fit(compiled(mixed), x, epochs=3)
    model = compiled(mixed)
    if policy == "mixed_float16":
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    losses = fit(model, x, epochs=2)
    if policy == "mixed_bfloat16":  # of float16, first steps overflow and are not taken: the scale falls
        np.testing.assert_allclose(losses, fit(compiled(make), x, epochs=2), rtol=0.03)
    assert np.isfinite(losses).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(losses + fit(loaded, x, first=2, epochs=3), expected, rtol=1e-3)


def test_the_diffusion_model_is_the_denoiser():
    model = diffusion()
    expected = ops.convert_to_numpy(model.denoiser([LATENTS, LEVELS]))
    np.testing.assert_allclose(ops.convert_to_numpy(model([LATENTS, LEVELS])), expected, atol=1e-5)
    np.testing.assert_allclose(model.predict([LATENTS, LEVELS], verbose=0), expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"predicts the noise in \[x_t, noise_level\]"):
        model.predict(LATENTS)
    mixed = diffusion(dtype="mixed_bfloat16")
    fine = np.array([[0.9], [0.9001]], "float32")  # one number in bfloat16
    assert (ops.convert_to_numpy(ops.cast(mixed([LATENTS[:1].repeat(2, 0), fine]), "float32")).std(axis=0) > 0).any()


def test_the_vae_is_the_reconstruction():
    model = vae()
    model.decoder.logits.kernel.assign(20 * model.decoder.logits.kernel)
    expected = model.decode(model.encode(TOKENS)[0], temperature=1e-6)
    np.testing.assert_array_equal(model.predict(TOKENS, verbose=0), expected)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(TOKENS)), expected)


@every_model
def test_summary_names_the_networks(make, x, capsys):
    make().summary()
    assert "Total params" in capsys.readouterr().out


def test_a_callback_may_sample_from_the_moving_average():
    model = compiled(diffusion)
    sampled = []
    callbacks = [
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: sampled.append(sample(model, 1, schedule=NoiseSchedule.linear(5)))
        ),
    ]
    for _ in range(2):
        fit(model, LATENTS, epochs=2, callbacks=callbacks)
    assert np.isfinite(sampled).all()


def batches(x, size=8):
    return [x[first : first + size] for first in range(0, len(x), size)]


def tf_data(x):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices(x).batch(8)


def data_loader(x):
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(x)), batch_size=8)


def grain_data(x):
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(list(x)).batch(8)


def generator(x):
    return ((batch,) for _ in range(2) for batch in batches(x))


@two_models
@pytest.mark.parametrize("source", [tf_data, data_loader, grain_data, generator])
def test_data_sets_train_as_their_arrays_do(make, x, source):
    class InOrder(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return (batches(x[:20])[index],)  # the last batch is smaller

    options = {"epochs": 2, "verbose": 0}
    expected = compiled(make).fit(InOrder(), shuffle=False, **options).history["loss"]
    steps = {"steps_per_epoch": 3} if source is generator else {}
    model = compiled(make)
    losses = model.fit(source(x[:20]), **options, **steps).history["loss"]
    # On TensorFlow, Keras's reader of grain gives the second epoch other batches than the first.
    epochs = 1 if source is grain_data and BACKEND == "tensorflow" else 2
    np.testing.assert_allclose(losses[:epochs], expected[:epochs], rtol=1e-4)
    if source is not generator:
        assert np.isfinite(model.evaluate(source(x[:20]), verbose=0)).all()


def test_several_steps_a_call_take_a_smaller_last_batch():
    if BACKEND == "torch":
        pytest.skip("Keras takes single steps on PyTorch")
    model = compiled(diffusion, steps_per_execution=3)
    assert np.isfinite(model.fit(tf_data(LATENTS[:20]), verbose=0).history["loss"]).all()
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == 3


def test_batches_know_their_epoch():
    seen = []

    class Remembered(SeededBatches):
        def __getitem__(self, index):
            seen.append((self.epoch, index))
            return super().__getitem__(index)

    fit(compiled(mdn), Remembered(LATENTS, 12), first=1, epochs=3, batch_size=None)
    assert set(seen) >= {(1, 0), (1, 1), (2, 0), (2, 1)}


@every_model
def test_a_model_is_not_quantized(make, x):
    with pytest.raises(ValueError, match=r"quantize its network\. Received: mode=int8"):
        make().quantize("int8")


def test_a_quantized_denoiser_predicts_nearly_the_same():
    model = diffusion()
    expected = model.predict([LATENTS, LEVELS], verbose=0)
    model.denoiser.quantize("int8")
    actual = ops.convert_to_numpy(model.denoiser([LATENTS, LEVELS]))
    assert 0 < np.abs(actual - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.parametrize("num_positions", [8, 64, None])
@pytest.mark.parametrize("copies", [False, True])
def test_other_sizes_train_and_sample(num_positions, copies):
    keras.utils.set_random_seed(0)
    denoiser = TransformerDenoiser(num_positions, 3, noise_embed_dim=8, film_dim=8, copies=copies, **SIZES)
    model = LatentDiffusion(denoiser)
    model.compile()
    length = num_positions or 40
    x = STREAM.uniform(-1, 1, (8, length, 3)).astype("float32")
    assert np.isfinite(fit(model, x)).all()
    assert sample(model, 1, schedule=NoiseSchedule.linear(5)).shape == (1, num_positions or 32, 3)


def test_the_network_can_be_drawn(tmp_path):
    pytest.importorskip("pydot")
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not installed")
    for model in (diffusion(), diffusion().denoiser, vae()):
        keras.utils.plot_model(model, tmp_path / "model.png", show_shapes=True)
        assert (tmp_path / "model.png").stat().st_size > 1000
