import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from keras_symdiff.evaluation.figures.histograms import plot_histograms
from keras_symdiff.evaluation.figures.infills import plot_infills
from keras_symdiff.evaluation.figures.piano_roll_sheet import plot_piano_roll_sheet
from keras_symdiff.evaluation.figures.posterior_stddev import plot_posterior_stddev
from keras_symdiff.evaluation.figures.refinement import plot_refinement
from keras_symdiff.evaluation.figures.style import GAP_COLOR, generator_style

TUNE = np.zeros((2, 32, 32), int)
TUNE[0, :, ::4] = np.random.default_rng(0).integers(38, 60, (32, 8))  # a note on each quarter
SILENT = np.zeros_like(TUNE)
KEEP = np.ones(32, bool)
KEEP[8:24] = False  # bars 17 to 48
STEPS = np.arange(0, 1001, 100)
EDGES = np.arange(0, 25, 2)
PIECES = {"density": (EDGES, np.arange(12)), "range": (EDGES, np.ones(12))}
NONE = {"density": (EDGES, np.zeros(12)), "range": (EDGES, np.zeros(12))}

FIGURES = {
    "infills": lambda path: plot_infills({"Original": TUNE, "Diffusion": TUNE, "Silence": SILENT}, KEEP, path),
    "refinement": lambda path: plot_refinement(
        STEPS, {"MMD": (STEPS / 10, STEPS / 11, STEPS / 9)}, path, {"MMD": 120.0}
    ),
    "posterior_stddev": lambda path: plot_posterior_stddev(np.linspace(1.05, 0.1, 64), 1.0, np.arange(5, 64), path),
    "sheet": lambda path: plot_piano_roll_sheet(np.concatenate([TUNE, SILENT])[:3], path, "Prior"),
    "histograms": lambda path: plot_histograms({"Real music": PIECES, "Diffusion": PIECES, "MDN": NONE}, path),
}


def frames(axes):
    """First bar and bar after the end of each gap that is framed."""
    patches = [patch for patch in axes.patches if patch.get_linestyle() == "--"]
    assert all(patch.get_edgecolor() == matplotlib.colors.to_rgba(GAP_COLOR) for patch in patches)
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in patches]


def note_colors(axes):
    return {matplotlib.colors.to_hex(color) for notes in axes.collections for color in notes.get_facecolor()}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_small_png_of_a_page_s_width_and_the_same_bytes_twice(name, tmp_path):
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 30}):  # a reader's own settings
        FIGURES[name](first)
    FIGURES[name](second)
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) < 300_000
    picture = matplotlib.image.imread(first, format="png")
    assert picture.shape[1] == 2100
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 5


def test_a_page_of_real_density_stays_small(tmp_path):
    tokens = np.random.default_rng(1).integers(2, 90, (16, 32, 32))
    tokens[:, :, 1::2] = 0  # eight notes a bar over the whole keyboard: more than any generator here
    plot_piano_roll_sheet(tokens, tmp_path / "sheet.png", "Diffusion")
    assert (tmp_path / "sheet.png").stat().st_size < 300_000


def test_the_frame_covers_the_gap_s_bars_in_each_roll_and_new_notes_are_coloured(tmp_path):
    figure = plot_infills({"Original": TUNE, "Diffusion": TUNE, "Prior": SILENT}, KEEP, tmp_path / "infills.png")
    assert [frames(axes) for axes in figure.axes] == [[(17, 49)]] * 6
    assert all(axes.get_xlim() == (1, 65) for axes in figure.axes)
    original, diffusion = note_colors(figure.axes[0]), note_colors(figure.axes[2])
    assert diffusion - original == {generator_style("Diffusion")["color"]}
    assert figure.axes[0].get_ylim() == figure.axes[2].get_ylim() != figure.axes[1].get_ylim()


def test_each_gap_of_a_mask_has_its_own_frame(tmp_path):
    keep = np.array([False, True, True, False])
    figure = plot_infills({"Original": TUNE[:, :4]}, keep, tmp_path / "infills.png")
    assert frames(figure.axes[0]) == [(1, 3), (7, 9)]


def test_infills_of_different_shapes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one shape.*\(1, 32, 32\)"):
        plot_infills({"Original": TUNE, "Diffusion": TUNE[:1]}, KEEP, tmp_path / "infills.png")
    with pytest.raises(ValueError, match=r"keep_mask of shape \(4,\)"):
        plot_infills({"Original": TUNE}, KEEP[:4], tmp_path / "infills.png")
    assert not list(tmp_path.iterdir())


def test_all_notes_of_a_sheet_are_inside_its_rolls(tmp_path):
    tokens = SILENT.copy()
    tokens[0, 0, 0], tokens[1, 31, 31] = 2, 89  # the piano's lowest and highest key
    figure = plot_piano_roll_sheet(tokens, tmp_path / "sheet.png", "Prior")
    low, high = figure.axes[0].get_ylim()
    assert low < 21
    assert high > 108
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "C4" in labels
    assert len(labels) <= 5
    with pytest.raises(ValueError, match="at least one piece"):
        plot_piano_roll_sheet(tokens[:0], tmp_path / "none.png", "Prior")


def test_refinement_shows_band_and_real_music_of_each_metric(tmp_path):
    curves = {name: (STEPS / 100 + index, STEPS * 0 - 1, STEPS * 0 + 11) for index, name in enumerate("abcde")}
    figure = plot_refinement(STEPS, curves, tmp_path / "refinement.png", {"b": 40.0})
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == list("abcde")
    assert [len(axes.lines) for axes in panels] == [1, 2, 1, 1, 1]
    assert panels[1].get_ylim()[1] > 40
    band = panels[0].collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == (-1, 11)
    with pytest.raises(ValueError, match=r"real_music=\['z'\]"):
        plot_refinement(STEPS, curves, tmp_path / "refinement.png", {"z": 1.0})


def test_kept_dimensions_are_marked_whatever_their_order(tmp_path):
    stddev = np.array([1.01, 0.2, 0.99, 0.1])
    axes = plot_posterior_stddev(stddev, 1.0, [1, 3], tmp_path / "stddev.png").axes[0]
    points = {line.get_label().split()[0]: line.get_xydata().tolist() for line in axes.lines}
    assert points["kept"] == [[1, 0.1], [2, 0.2]]
    assert points["dropped"] == [[3, 0.99], [4, 1.01]]
    assert np.ravel(points["threshold"]).tolist() == [0, 1, 1, 1]


def test_histograms_are_shares_of_each_generator_s_pieces(tmp_path):
    many = {key: (edges, 7 * counts) for key, (edges, counts) in PIECES.items()}
    figure = plot_histograms({"Real music": PIECES, "Diffusion": many, "MDN": NONE}, tmp_path / "histograms.png")
    for axes in figure.axes:
        real, diffusion, mdn = (patch.get_data().values for patch in axes.patches)
        np.testing.assert_allclose(real, diffusion)
        assert real.sum() == pytest.approx(100)
        assert not mdn.any()


def test_generators_look_different_in_colour_and_in_grey():
    names = ["Diffusion", "TransformerMDN", "Interpolation", "Gaussian prior", "Another tune", "One loop", "Shuffled"]
    styles = [generator_style(name) for name in names]
    assert len({style["color"] for style in [*styles, generator_style("Real music")]}) == len(names) + 1
    assert len({style["linestyle"] for style in styles}) == len(names)
    assert generator_style("Autoregression") == generator_style("MDN")
