"""A composer loaded for a verb."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from keras_symdiff.cli.console import announce_backend, progress_bar
from keras_symdiff.constants import BARS_PER_PHRASE, PIECE_PHRASES

_BASELINE_BARS = PIECE_PHRASES * BARS_PER_PHRASE


def load_composer(
    preset: str | Path, sampler: Any = None, new_bars: int | None = None
) -> tuple[Any, Callable[[str, int, int], None]]:
    """Loads a preset, after seeing that it can do what is asked.

    Args:
        preset: name or folder.
        sampler: the `Sampler` that is asked for. Defaults to `None`: nothing is asked.
        new_bars: length of new melodies. Defaults to `None`: bars of a song are wanted.

    Returns:
        Tuple of a `Composer` and a progress callback `(label, done, total)`.

    Raises:
        click.UsageError: if the preset has fewer steps, or is the baseline, which knows no sampler and composes new
            melodies of up to 64 bars only.
        ValueError: if there is no such preset, or its files are damaged.
    """
    from keras_symdiff.presets.preset import is_baseline, preset_folder, read_config

    folder = preset_folder(preset)
    if is_baseline(folder):
        if new_bars is None or new_bars > _BASELINE_BARS:
            raise click.UsageError(f"{preset} is a baseline: it composes new melodies, of up to {_BASELINE_BARS} bars.")
        source = click.get_current_context().get_parameter_source
        if any(source(name) is ParameterSource.COMMANDLINE for name in ("quality", "sampler", "steps")):
            raise click.UsageError(f"--quality, --sampler and --steps are for diffusion models, which {preset} is not.")
    elif sampler is not None and sampler.num_steps is not None:
        most = read_config(folder / "latent_diffusion").get("schedule", {}).get("num_steps", sampler.num_steps)
        if sampler.num_steps > most:
            raise click.UsageError(f"{preset} has {most} steps. Received: --steps {sampler.num_steps}")
    announce_backend()
    from keras_symdiff.composer import Composer

    composer = Composer.from_preset(preset)
    click.echo(f"Preset {preset}: {composer.model.weights_origin}", err=True)
    return composer, progress_bar()
