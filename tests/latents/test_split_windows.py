import numpy as np

from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.split_windows import split_windows
from keras_symdiff.music.corpus import Corpus


def corpus_of(names):
    """One melody of 33 phrases, so two windows, a name."""
    number = 33 * len(names)
    corpus = Corpus(
        np.zeros((number, 32), "int8"), np.zeros(number, bool), np.arange(len(names) + 1) * 33, names, len(names), []
    )
    return LatentCorpus(corpus, np.zeros((number, 2)), np.ones((number, 2)), np.arange(number), "")


def test_no_file_stands_on_both_sides():
    names = [
        f"{folder}/tune{i}.mid#{part}" for i in range(200) for folder, part in (("a", "Lead #1"), ("b/C#", "x/#y"))
    ]
    latents = corpus_of(names)
    train, held_out = split_windows(latents)
    files = [{names[row // 33].split(".mid")[0].rpartition("/")[2] for row in side[:, 0]} for side in (train, held_out)]
    assert not files[0] & files[1]
    assert len(files[0] | files[1]) == 200
    assert 3 <= len(files[1]) <= 20
    assert len(train) + len(held_out) == 800
