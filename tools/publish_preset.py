"""Turns a run directory into a preset of the package, in half precision; a baseline's run joins its diffusion model's.

python tools/publish_preset.py RUN NAME
"""

import shutil
import sys

from keras_symdiff import LatentDiffusion, LatentMDN, LatentTransform, MusicVAE
from keras_symdiff.presets.preset import PRESETS, preset_folder
from keras_symdiff.presets.training_phrases import FILE_NAME


def publish(run, name):
    """Copies what sampling needs from a run directory to the shipped presets.

    Args:
        run: path of a run directory of `symdiff train`.
        name: name of the preset.
    """
    MusicVAE.from_preset(run).save_preset(PRESETS / name, dtype="float16")
    for model in (LatentDiffusion, LatentMDN):
        if (preset_folder(run) / model.preset_part).is_dir():
            model.from_preset(run).save_preset(PRESETS / name, dtype="float16")
    LatentTransform.from_preset(run).save(PRESETS / name / "latent_transform.json")
    if (preset_folder(run) / FILE_NAME).exists():
        shutil.copy(preset_folder(run) / FILE_NAME, PRESETS / name / FILE_NAME)


if __name__ == "__main__":
    publish(*sys.argv[1:])
