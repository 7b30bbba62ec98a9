import numpy as np
import pytest

from keras_symdiff import Melody, Song, write_midi
from keras_symdiff.constants import FIRST_ONSET
from keras_symdiff.infilling.asked import Asked
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.infilling.layout import Layout
from keras_symdiff.infilling.told import complete_plan, hear, tell, tell_new, window
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.condition import CONDITION_DIM, PARTS
from keras_symdiff.music.form import Form, FormTable

D_MAJOR = np.array([62, 64, 66, 67, 69, 71, 73, 74])


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """32 bars of D major whose bars 1-4 come again as 9-12 and as 17-20, over two chords."""
    stream = np.random.default_rng(0)
    tokens = np.zeros((16, 32), int)
    tokens[:, ::4] = D_MAJOR[stream.integers(0, 8, (16, 8))] - 19
    tokens[4:6] = tokens[8:10] = tokens[:2]
    path = tmp_path_factory.mktemp("song") / "song.mid"
    write_midi(Melody.from_phrases(tokens, name="melody"), path, Chords.parse("D | A7"))
    return Song.open(path)


def told(song, one_key=True, hears=True, **asked):
    request = InfillRequest(**{"bars": ("17-24",)} | asked)
    piece = request.find(song)
    return tell(request, piece.layout, hear(request, piece, piece.layout.steps), hears, one_key)


def test_a_song_is_moved_to_the_key_that_the_model_knows(song):
    moved, as_it_is = told(song), told(song, one_key=False)
    assert (moved.semitones, as_it_is.semitones) == (-2, 0)
    first_beat = moved.condition.chroma[:2, 0]  # of D, moved to C
    assert [np.flatnonzero(beat).tolist() for beat in first_beat] == [[0, 4, 7], [0, 4, 7]]
    np.testing.assert_array_equal(np.roll(as_it_is.condition.chroma, -2, axis=-1), moved.condition.chroma)
    outside = moved.bias[0, 0, FIRST_ONSET:] < 0
    assert set((np.flatnonzero(outside) + 21) % 12) == {1, 3, 6, 8, 10}
    assert told(song, key="E minor").semitones == 5
    assert told(song, key_cost=0.0).bias is None
    assert told(song, hears=False, one_key=False).bias is None  # as before, unless a key is asked for
    assert told(song, hears=False, one_key=False, key="D").bias is not None


def test_a_gap_is_told_the_register_of_the_given_phrases_and_else_what_is_asked_for(song):
    features = window([told(song)], 0, 16, 32, hears=True)["conditions"][0]
    assert features.shape == (32, CONDITION_DIM)
    assert (features[:16, 0] == 1).all()
    assert not features[16:].any()
    for part in ("density", "repeats"):
        assert not features[:, PARTS[part]].any()
    register = told(song).condition.register
    np.testing.assert_allclose(register[8:12], np.delete(register, slice(8, 12)).mean())
    asked = told(song, density="+2", pitch_range=("C4", "C6")).condition
    np.testing.assert_array_equal(asked.density, [4] * 8 + [6] * 4 + [4] * 4)
    assert (asked.register[8:12] == 72 - 2).all()


def test_a_range_far_from_the_tune_is_composed_near_it(song):
    low = told(song, pitch_range=("C2", "C4"))
    assert (low.semitones, low.octaves) == (-2, 24)
    assert (low.condition.register[8:12] == 48 - 2 + 24).all()
    may_sound = np.flatnonzero(low.bias[8, 0, FIRST_ONSET:] > -1e3) + 21 - low.semitones - low.octaves
    assert (may_sound.min(), may_sound.max()) == (36, 60)
    assert told(song, pitch_range=("C4", "C6")).octaves == 0
    assert told(song, pitch_range=("C2", "C6")).octaves == 0  # the tune is within it


def test_the_other_tracks_can_be_left_unheard(song):
    assert np.isnan(told(song, harmony=False).condition.chroma).all()


def test_chords_that_are_asked_for_replace_what_sounds_in_the_gap_only(song):
    chroma = told(song, one_key=False, chords="Gm").condition.chroma
    heard = told(song, one_key=False).condition.chroma
    np.testing.assert_array_equal(np.delete(chroma, range(8, 12), axis=0), np.delete(heard, range(8, 12), axis=0))
    assert set(np.flatnonzero(chroma[8:12].any(axis=(0, 1)))) == {7, 10, 2}


def test_plans_of_repeats(song):
    assert told(song).repeats.tolist() == list(range(16))
    original = told(song, form="original")
    assert original.repeats.tolist() == [0, 1, 2, 3, 0, 1, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15]
    letters = told(song, form="AA'")
    assert letters.repeats.tolist() == [0, 1, 2, 3, 0, 1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert letters.varies[8:12].tolist() == [8, 9, 8, 9]
    arguments = window([letters], 6, 14, 32, hears=False)
    assert set(arguments) == {"repeats", "varies"}
    assert arguments["varies"][0].tolist() == [0, 1, 2, 3, 2, 3, *range(6, 32)]
    assert window([told(song)], 0, 16, 32, hears=False) == {}


def test_phrases_that_are_new_in_part_repeat_nothing(song):
    original = told(song, bars=("18-24",), form="original")
    assert original.repeats.tolist() == [0, 1, 2, 3, 0, 1, 6, 7, 8, 1, 10, 11, 12, 13, 14, 15]


def test_the_letters_of_a_form_begin_with_the_gap_wherever_it_is(song):
    letters = told(song, bars=("18-25",), form="AA'")  # between the bars where the song's own phrases begin
    assert letters.repeats[9:13].tolist() == [9, 10, 11, 12]
    assert letters.varies[9:13].tolist() == [9, 10, 9, 10]
    layout = InfillRequest(bars=("18-25",), form="AA'").find(song).layout
    assert layout.steps[9, 0] == 17 * 16
    assert layout.new_runs == [(9, 13)]
    kept = (song.grid.ticks(17 * 16 + 4), int(song.melodies()[0].pitches[17 * 4 + 1]))
    assert told(song, bars=("18-25",), form="AA", keep_notes=(kept,)).repeats[10:13].tolist() == [10, 11, 10]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"bars": ("17-24",), "form": "AABA"}, "AABA needs 16. Received: 8"),
        ({"bars": ("17-31",), "form": "AA"}, "phrases of 2 bars, .*a multiple of 2 bars. Received: form='AA', bars 17"),
        ({"bars": ("1-8", "18-25"), "form": "AA"}, "counted from the first new bar: .* bars 18-25"),
        ({"bars": ("17.2-24",), "form": "AA"}, "name whole phrases"),
        ({"continue_bars": 15, "form": "AAA"}, "bars 33-47"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_before_any_work(song, asked, message):
    with pytest.raises(ValueError, match=message):
        InfillRequest(**asked).find(song)


def test_notes_that_stay_fill_no_phrase_of_a_form(song):
    melody = song.melodies()[0]
    notes = zip(song.grid.ticks(melody.start_steps).tolist(), melody.pitches.tolist(), strict=True)
    kept = list(notes)[18 * 4 : 20 * 4]  # bars 19-20
    part, whole = ({"bars": ("17-24",), "keep_notes": tuple(notes)} for notes in (kept[1:], kept))
    assert InfillRequest(form="AB", **part).find(song).layout.new_runs == [(8, 12)]
    assert InfillRequest(**whole).find(song).layout.new_runs == [(8, 9), (10, 12)]
    for form in ("AB", "A"):  # too long for what is left, and not
        with pytest.raises(
            ValueError, match=f"notes that stay may fill none of them. Received: form='{form}', keep_notes="
        ):
            InfillRequest(form=form, **whole).find(song)


def test_a_form_is_completed_where_the_chords_allow_it(song):
    def plan(**asked):
        request = InfillRequest(**{"bars": ("17-24",)} | asked)
        piece = request.find(song)
        forms = FormTable.of([song.melodies()[0].phrases()[0]])
        repeats, *_ = complete_plan(piece.layout, hear(request, piece, piece.layout.steps), forms, seed=0, take=0)
        return repeats.tolist()

    alone = [0, 1, 2, 3, 0, 1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert plan() == plan(harmony=False) == [*alone[:8], 0, 1, *alone[10:]]
    assert plan(bars=("18-24",)) == [*alone[:9], 1, *alone[10:]]  # what is new in part repeats nothing
    assert plan(chords="D | A7") == plan()
    assert plan(chords="F | Eb") == alone
    assert plan(bars=("9-12", "17-20")) == plan()


def test_silence_and_rests_of_the_band_are_no_other_chords(song, tmp_path):
    _, tokens, steps, free = InfillRequest(bars=("17-20",)).find(song).layout
    layout = Layout(song.melodies()[0], tokens, steps, free)
    forms = FormTable.of([song.melodies()[0].phrases()[0]])

    def plan(sounds):
        return complete_plan(layout, sounds, forms, seed=0, take=0)[0].tolist()[8:10]

    silent = np.zeros((16, 8, 12))
    assert plan(silent) == [0, 1]
    sparse = silent.copy()
    sparse[:, ::4, 0] = 1  # a chord in a quarter of the beats
    assert plan(sparse) == [0, 1]
    sparse[8:10] = np.roll(sparse[8:10], 1, axis=-1)
    assert plan(sparse) == [8, 9]
    early = silent.copy()
    early[4:6, :, 0] = early[8:10, :, 0] = 1  # the same as beneath the second statement of these phrases
    assert plan(early) == [0, 1]


def test_long_gaps_and_several_gaps_are_planned_from_left_to_right():
    def piece(text):
        return np.array([[41 + ord(letter) - ord("A")] + [0] * 31 for letter in text])

    def plan(text, form):
        tokens = piece(text.replace("?", "A"))
        melody = Melody.from_phrases(tokens)
        free = np.repeat(np.array([[letter == "?"] for letter in text]), 32, axis=1)
        layout = Layout(melody, tokens, np.arange(tokens.size).reshape(tokens.shape), free)
        unknown = np.full((len(text), 8, 12), np.nan)
        return complete_plan(layout, unknown, FormTable.of([piece(form)]), seed=0, take=0)[0].tolist()

    first_given = plan("????EFGH????ABCDABCD", "ABCDEFGHABCDABCDABCD")
    assert first_given == [0, 1, 2, 3, 4, 5, 6, 7] + [0, 1, 2, 3] * 3
    assert plan("ABCD" + "?" * 36, "ABCD" * 8) == [0, 1, 2, 3] * 10


def test_variations_are_planned_where_nobody_knows_the_chords():
    def phrase(*pitches):
        tokens = np.zeros(32, np.int8)
        tokens[:: 32 // len(pitches)] = np.array(pitches) - 19
        return tokens

    tune, ending = phrase(60, 62, 64, 65), phrase(60, 62, 67, 69)
    others = [phrase(*[pitch] * 8) for pitch in (70, 72, 74, 76, 77)]
    form = np.stack([tune, *others[:3], ending, *others[3:]])
    free = np.zeros((7, 32), bool)
    free[4:] = True
    layout = Layout(Melody.from_phrases(form), form, np.arange(form.size).reshape(form.shape), free)
    forms, unknown = FormTable.of([form]), np.full((7, 8, 12), np.nan)
    repeats, varies, above = complete_plan(layout, unknown, forms, seed=0, take=0)
    assert repeats.tolist() == [*range(7)]
    assert varies.tolist() == [0, 1, 2, 3, 0, 5, 6]
    assert above[:4].tolist() == [0, 0, 0, 0]
    assert above[4] < 0 < above[6]
    _, varies, above = complete_plan(layout, np.ones((7, 8, 12)), forms, seed=0, take=0)
    assert varies.tolist() == [*range(7)]
    assert not above.any()


def test_a_new_piece_has_the_register_density_and_range_of_its_form():
    tokens = np.zeros((8, 32), np.int8)
    tokens[:, 0] = 43 + np.arange(8)
    form = FormTable.of([tokens]).draw(8, seed=0, index=0)
    told = tell_new(Asked(), form, 8, hears=True, one_key=True)
    assert told.condition.register.tolist() == list(range(62, 70))
    assert set(told.condition.density) == {0.5}
    sounding = np.flatnonzero(told.bias[0, 0] > -1e3)
    assert (sounding[2] + 19, sounding[-1] + 19) == (62, 69)
    asked = tell_new(Asked(density=4, pitch_range=("C5", "C6")), form, 8, hears=True, one_key=True)
    assert set(asked.condition.density) == {4}
    assert set(asked.condition.register) == {66}
    assert tell_new(Asked(), form, 8, hears=False, one_key=False).bias is None  # it could not keep to the range


def test_a_new_piece():
    asked = Asked(chords="Am | Dm7 G7", key="D minor", density=5, pitch_range=("C4", "C5"))
    told = tell_new(asked, Form.parse("AB", 8), 8, hears=True, one_key=True)
    assert told.semitones == 12 - 5  # an octave up, where the model has heard most songs
    assert told.condition.density.tolist() == [5] * 8
    assert told.condition.register.tolist() == [66 + 12 - 5] * 8
    assert np.flatnonzero(told.condition.chroma[0, 0]).tolist() == sorted((np.array([9, 0, 4]) - 5) % 12)
    assert told.repeats.tolist() == list(range(8))
    bass = tell_new(Asked(pitch_range=("C2", "C3")), None, 8, hears=True, one_key=True)
    assert (bass.semitones, set(bass.condition.register)) == (24, {42 + 24})
    assert np.isin(np.array([36, 48]) + 24 - 19, np.flatnonzero(bass.bias[0, 0] > -1e3)).all()  # its ends may sound
    over_chords = tell_new(Asked(chords="C"), None, 8, hears=True, one_key=True)
    assert set(over_chords.condition.register) == {69}  # unless a range is asked for
    free = tell_new(Asked(), None, 8, hears=True, one_key=True)
    assert np.isnan(free.condition.register).all()
    assert free.semitones == 0
    assert (free.condition.repeats == -1).all()
    assert free.bias is not None  # the model's own key
    assert tell_new(Asked(), None, 8, hears=False, one_key=False).bias is None
