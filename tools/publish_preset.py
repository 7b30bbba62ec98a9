"""Turns a run directory into a preset of the package, in half precision; a baseline's run joins its diffusion model's.

python tools/publish_preset.py RUN NAME [all_keys]
python tools/publish_preset.py FOLDER hf://USER/NAME LICENCE

The second uploads a preset or run directory to the Hugging Face hub; LICENCE is its name there, such as cc-by-4.0.

`all_keys`: the diffusion model hears conditions and knows music in all keys. Without it, one that hears conditions is
given music in C major or A minor only; see `keras_symdiff.presets.preset.knows_one_key`.
"""

import json
import shutil
import sys
from pathlib import Path

from keras_symdiff import LatentDiffusion, LatentMDN, LatentTransform, MusicVAE
from keras_symdiff.presets.hub import HUB_PREFIX, upload_preset
from keras_symdiff.presets.preset import FORMS_FILE, PRESETS, preset_folder
from keras_symdiff.presets.reference_pieces import REFERENCE_FILE
from keras_symdiff.presets.training_phrases import FILE_NAME
from keras_symdiff.write_atomically import write_atomically


def publish(run: str | Path, name: str, keys: str | None = None) -> None:
    """Copies what sampling needs from a run directory to the shipped presets.

    Args:
        run: path of a run directory of `symdiff train`.
        name: name of the preset.
        keys: `"all_keys"` as above. Defaults to `None`.
    """
    MusicVAE.from_preset(run).save_preset(PRESETS / name, dtype="float16")
    for model in (LatentDiffusion, LatentMDN):
        if (preset_folder(run) / model.preset_part).is_dir():
            model.from_preset(run).save_preset(PRESETS / name, dtype="float16")
    LatentTransform.from_preset(run).save(PRESETS / name / "latent_transform.json")
    for file in (FILE_NAME, FORMS_FILE, REFERENCE_FILE):
        if (preset_folder(run) / file).exists():
            shutil.copy(preset_folder(run) / file, PRESETS / name / file)
    if keys == "all_keys":
        path = PRESETS / name / LatentDiffusion.preset_part / "config.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["config"]["one_key"] = False
        write_atomically(path, (json.dumps(card, indent=1) + "\n").encode())


if __name__ == "__main__":
    to_hub = sys.argv[2].startswith(HUB_PREFIX)
    print(upload_preset(*sys.argv[1:]) if to_hub else publish(*sys.argv[1:]))
