"""The pictures of a report: plain arrays in, one PNG out, a file a figure."""

from keras_symdiff.evaluation.figures.histograms import plot_histograms
from keras_symdiff.evaluation.figures.infills import plot_infills
from keras_symdiff.evaluation.figures.piano_roll_sheet import plot_piano_roll_sheet
from keras_symdiff.evaluation.figures.posterior_stddev import plot_posterior_stddev
from keras_symdiff.evaluation.figures.refinement import plot_refinement

__all__ = ["plot_histograms", "plot_infills", "plot_piano_roll_sheet", "plot_posterior_stddev", "plot_refinement"]
