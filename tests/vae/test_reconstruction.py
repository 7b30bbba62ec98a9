import numpy as np

from keras_symdiff.vae.reconstruction import reconstruction_metrics


def phrases(*onsets):
    tokens = np.zeros((len(onsets), 32), "int8")
    for row, notes in zip(tokens, onsets, strict=True):
        for step, token in notes.items():
            row[step] = token
    return tokens


def test_counts_by_hand():
    tokens = phrases({0: 40, 8: 42}, {0: 40, 4: 1})
    decoded = phrases({0: 40, 8: 43, 9: 50}, {0: 40, 4: 1})
    assert reconstruction_metrics(tokens, decoded) == {
        "token_accuracy": 62 / 64,
        "onset_accuracy": 2 / 4,  # of steps 0, 8, 9 and 0, the first of each phrase
        "exact_phrases": 0.5,
    }


def test_silence_scores_well_on_tokens_only():
    tokens = phrases({0: 40, 8: 42})
    metrics = reconstruction_metrics(tokens, np.zeros_like(tokens))
    assert metrics == {"token_accuracy": 30 / 32, "onset_accuracy": 0.0, "exact_phrases": 0.0}


def test_a_wrong_note_off_is_no_onset():
    metrics = reconstruction_metrics(phrases({4: 1}), phrases({5: 1}))
    assert metrics == {"token_accuracy": 30 / 32, "onset_accuracy": 1.0, "exact_phrases": 0.0}
