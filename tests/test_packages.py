"""The order of the folders: a folder imports only from those above it, and no two import each other."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
# One line may import from itself and from the lines above.
ORDER = (
    "constants version noise_streams write_atomically check_finite compilation_cache", "files", "music",
    "render metrics", "layers", "models", "presets", "latents", "training", "vae", "diffusion", "autoregressive",
    "infilling", "composer", "evaluation", "studio",
)  # fmt: skip
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}
OUTSIDE = ("cli", "tools", "recipes", "tfds_lmd_latents", "benchmarks", "examples", "docs")


def _imports(path):
    """Dotted modules of `keras_symdiff` that a file imports, wherever in the file; `from . import` does not occur."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _edges():
    """Pairs (file, module in `keras_symdiff` that it imports), both as `folder.file`."""
    package = ROOT / "keras_symdiff"
    modules = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    for name, path in modules.items():
        for imported in _imports(path):
            target = imported.removeprefix("keras_symdiff.")
            if imported != target and target in modules:
                yield name, target


def test_nothing_is_imported_upward():
    wrong = []
    for source, target in _edges():
        folder, other = source.split(".")[0], target.split(".")[0]
        if folder != "__init__" and folder != other and RANK[other] >= RANK[folder]:
            wrong.append(f"{source} imports {target}")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_no_file_imports_itself_through_others():
    reached = {}
    for source, target in _edges():
        reached.setdefault(source, set()).add(target)
    for module in list(reached):
        seen, todo = set(), list(reached[module])
        while todo:
            at = todo.pop()
            assert at != module, f"{module} imports itself through {at}"
            if at not in seen:
                seen.add(at)
                todo += reached.get(at, ())


def test_the_package_does_not_know_what_stands_outside():
    for path in (ROOT / "keras_symdiff").rglob("*.py"):
        for imported in _imports(path):
            assert imported.split(".")[0] not in OUTSIDE, f"{path} imports {imported}"
            assert not imported.startswith("keras_symdiff.cli"), f"{path} imports {imported}"
