"""One `from_preset` for all that a preset holds."""

import inspect
from pathlib import Path
from typing import Any, ClassVar, Self

from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.presets.preset import preset_folder, read_config, read_weights, set_weights, write_part


class PresetPart:
    """What a preset holds one of, under the name `preset_part`; a child has `read_part` and `write_part`."""

    preset_part: ClassVar[str]

    @classmethod
    def read_part(cls, path: Path, **changes: Any) -> Self:
        """Reads the part from its place in a preset."""
        raise NotImplementedError

    def write_part(self, path: Path, **options: Any) -> None:
        """Writes the part to its place in a preset."""
        raise NotImplementedError

    @classmethod
    def from_preset(cls, name_or_folder: str | Path = DEFAULT_PRESET, **changes: Any) -> Self:
        """Loads the part of a preset; of a run, the moving average of its weights.

        Args:
            name_or_folder: Name of a shipped preset, or a preset folder or run directory.
            **changes: Arguments of the class that differ from the preset's, such as `seed`, to train it further.

        Returns:
            The part.

        Raises:
            ValueError: If there is none, its files are damaged, or the class has no such argument.
        """
        return cls.read_part(preset_folder(name_or_folder) / cls.preset_part, **changes)

    def save_preset(self, folder: str | Path, **options: Any) -> None:
        """Writes the part to a preset.

        Args:
            folder: Folder of the preset, made if it is not there.
            **options: `dtype` of the weights on disk: `"float32"`, the default, or `"float16"`.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.write_part(Path(folder) / self.preset_part, **options)


class PresetModel(PresetPart):
    """A Keras model that a preset holds the weights of, or of its `network` where it has one.

    A child has `get_preset_config`, which returns the arguments that build it again as a JSON-able dict.
    """

    weights_origin: str | None = None  # where the weights come from, if that is known

    def get_preset_config(self) -> dict[str, Any]:
        """Returns the arguments that build the model again."""
        raise NotImplementedError

    @classmethod
    def from_preset_config(cls, config: dict[str, Any]) -> Self:
        """Builds the model of a `get_preset_config` dict."""
        return cls(**config)

    @classmethod
    def read_part(cls, path: Path, **changes: Any) -> Self:
        config = read_config(path)
        arguments = list(inspect.signature(cls.__init__).parameters)[1:]
        if not changes.keys() <= set(arguments):
            raise ValueError(f"`changes` must be among {', '.join(arguments)}. Received: {', '.join(changes)}")
        from keras_symdiff.presets.unset_weights import UnsetWeights  # here: transforms do without Keras

        weights = read_weights(path)
        try:
            config = {**config, **changes}
            origin = config.pop("weights_origin", cls.weights_origin)
            with UnsetWeights(sum(array.size for array in weights)):
                model = cls.from_preset_config(config)
        except (KeyError, TypeError) as error:  # TypeError: an unknown argument
            raise ValueError(f"Not the config of a {cls.__name__}. Received: {config} in {path}") from error
        model.weights_origin = origin
        set_weights(getattr(model, "network", model), weights, path)
        return model

    def write_part(self, path: Path, dtype: str = "float32") -> None:
        origin = {} if self.weights_origin is None else {"weights_origin": self.weights_origin}
        write_part(path, getattr(self, "network", self), self.get_preset_config() | origin, dtype)
