import ast
import pathlib
import re

import keras_symdiff

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/reference").glob("*.md")]
PUBLIC = {"keras_symdiff", "keras_symdiff.metrics", "tfds_lmd_latents"}


def test_what_pages_show_is_imported_from_the_package_itself():
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for node in ast.walk(ast.parse(block)):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) else []
                ours = {name for name in names if name.partition(".")[0] in ("keras_symdiff", "tfds_lmd_latents")}
                assert ours <= PUBLIC, f"{page}: {ours - PUBLIC}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_public_name_is_one_that_its_module_has():
    lines = (ROOT / "keras_symdiff/__init__.pyi").read_text(encoding="utf-8").splitlines()
    for line in lines:
        module, name = re.fullmatch(r"from \.([\w.]*) import (\w+) as \2", line).groups()
        assert name in keras_symdiff.__all__
        if module:
            source = (ROOT / "keras_symdiff" / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
            assert re.search(rf"^(class|def) {name}\b|^{name}\b", source, re.MULTILINE), line


def test_a_name_that_is_not_public_is_missing():
    assert not hasattr(keras_symdiff, "no_such_name")
