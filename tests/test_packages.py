import configparser
import pathlib

ROOT = pathlib.Path(__file__).parents[1]


def test_a_wheel_holds_every_package():
    """An editable installation works without this, and nothing else would show it."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = config["options"]["packages"].split()
    found = {"keras_symdiff.cli"}
    for package in ("keras_symdiff", "tfds_lmd_latents"):
        for init in (ROOT / package).rglob("__init__.py"):
            found.add(".".join(init.parent.relative_to(ROOT).parts))
    assert sorted(listed) == sorted(found)
