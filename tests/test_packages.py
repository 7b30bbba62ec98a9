"""The order of the folders: a folder imports only from those above it; and that all public functions are annotated."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
# One line may import from itself and from the lines above.
ORDER = (
    "constants version choose_backend noise_streams write_atomically check_finite check_integer compilation_cache",
    "files", "music",
    "render metrics", "layers", "models", "presets", "latents", "training", "vae", "diffusion", "autoregressive",
    "infilling", "composer", "compose_many", "evaluation", "studio",
)  # fmt: skip
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}
TYPED = ("keras_symdiff", "cli", "tfds_lmd_latents", "tools")
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


def _public_functions(node, owner=""):
    """Name and node of each function of a file and method of its public classes that others may call."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _public_functions(child, f"{child.name}.")
        elif isinstance(child, ast.FunctionDef) and (child.name in ("__init__", "__call__") or child.name[0] != "_"):
            yield owner + child.name, child


def test_public_functions_are_annotated():
    missing = []
    for path in (path for package in TYPED for path in (ROOT / package).rglob("*.py")):
        for name, function in _public_functions(ast.parse(path.read_text(encoding="utf-8"))):
            decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
            if any(decorator.startswith("click.command(") for decorator in decorators):
                continue  # click calls it, with what the options say
            at = function.args
            arguments = [*at.posonlyargs, *at.args, *at.kwonlyargs, at.vararg, at.kwarg]
            bare = [one.arg for one in arguments if one and one.annotation is None and one.arg not in ("self", "cls")]
            if function.returns is None and name.split(".")[-1] != "__init__":
                bare.append("what it returns")
            if bare:
                missing.append(f"{path.relative_to(ROOT)}: {name}: {', '.join(bare)}")
    assert not missing, "\n".join(sorted(missing))
