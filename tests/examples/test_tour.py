import pathlib

import nbclient
import nbformat

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def test_the_notebook_runs_from_a_fresh_kernel():
    notebook = nbformat.read(EXAMPLES / "tour.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # a diff shows what was written
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
