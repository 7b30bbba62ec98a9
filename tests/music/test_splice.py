import pathlib

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.midi_events import read_events, track_spans, write_events
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.music.splice import splice_melody

DATA = pathlib.Path(__file__).parents[1] / "data"
# In 1/4 with a constant distance from the grid, 178 tempo events, 3/4, 6/8; one melody; a trio with drums.
NAMES = ["pop909/001", "pop909/225", "pop909/107", "pop909/203", "lakh/melody_2", "lakh/validation_melody_1"]
SONGS = [DATA / f"{name}.mid" for name in [*NAMES, "lakh/trio_0", "lakh/trio_1"]]


def ticks_to_steps(ticks, ticks_per_quarter):
    """Rounds ticks to sixteenths, halves up."""
    return (8 * ticks + ticks_per_quarter) // (2 * ticks_per_quarter)


def stream(count, seed=0):
    """Tokens of which some begin, some end and most hold a note."""
    dice = np.random.default_rng(seed)
    return np.where(dice.random(count) < 0.3, dice.integers(1, 90, count), 0)


def spliced(path, melody, gaps, out):
    filled = melody
    for seed, (first, end) in enumerate(gaps):
        filled = filled.replace_steps(first, stream(end - first, seed))
    out.write_bytes(splice_melody(Song.open(path), filled, gaps))
    return filled


def tracks(path):
    """Events of each chunk as (tick, message), by a parser that the package does not use."""
    result = []
    for track in mido.MidiFile(path).tracks:
        ticks = np.cumsum([message.time for message in track]).tolist()
        result.append([(tick, message.copy(time=0)) for tick, message in zip(ticks, track, strict=True)])
    return result


def sides(path, chunk, channel, gaps, edges):
    """Events of a chunk that must stay, in order, and the ticks at which cut notes end.

    Left out are the end of the track, notes that start in the gaps, and the ends of notes that sound into one.
    """
    score = symusic.Score(path)
    events = tracks(path)[chunk]
    left_out, cut_at, waiting = set(), [], {}

    def in_gaps(tick):
        return any(first <= ticks_to_steps(tick, score.tpq) < end for first, end in gaps)

    def reaches_a_gap(start, tick):
        step = ticks_to_steps(start, score.tpq)
        return any(step < first and tick >= edge for (first, _), edge in zip(gaps, edges, strict=True))

    for place, (tick, message) in enumerate(events):
        if message.type == "end_of_track":
            left_out.add(place)
        elif message.type == "note_on" and message.velocity and message.channel == channel:
            waiting.setdefault(message.note, []).append(place)
        elif message.type in ("note_on", "note_off") and message.channel == channel:
            # One note-off ends all notes of its pitch that sound; one that ends none belongs to the bars that it is in.
            sounding = waiting.get(message.note, [])
            ended = [begin for begin in sounding if events[begin][0] < tick] or sounding
            waiting[message.note] = [begin for begin in sounding if begin not in ended]
            gone = {begin for begin in ended if in_gaps(events[begin][0])}
            cut = {begin for begin in ended if begin not in gone and reaches_a_gap(events[begin][0], tick)}
            left_out |= gone
            if (gone | cut == set(ended)) if ended else in_gaps(tick):
                left_out.add(place)
            if cut:
                cut_at.append(tick)
    return [event for place, event in enumerate(events) if place not in left_out], cut_at


def check_outside(path, out, chunk, channel, melody, gaps):
    old, new = tracks(path), tracks(out)
    assert old[:chunk] + old[chunk + 1 :] == new[:chunk] + new[chunk + 1 :]
    assert mido.MidiFile(path).ticks_per_beat == mido.MidiFile(out).ticks_per_beat
    assert mido.MidiFile(path).type == mido.MidiFile(out).type
    score = symusic.Score(path)
    onsets = np.sort([note.time for note in score.tracks[melody.track].notes])
    off_grid = np.sort(onsets - ticks_to_steps(onsets, score.tpq) * score.tpq // 4)[len(onsets) // 2]
    edges = [max(0, first * score.tpq // 4 + off_grid) for first, _ in gaps]
    (old_kept, old_cut), (new_kept, new_cut) = (sides(p, chunk, channel, gaps, edges) for p in (path, out))
    assert new_kept == old_kept
    assert len(new_cut) == len(old_cut)
    for tick in new_cut:
        assert min(abs(tick - edge) for edge in edges) <= score.tpq // 4  # a note that starts on an edge lasts a tick


def find_chunk(path, melody):
    """Chunk and channel of the melody: the samples have one channel a chunk."""
    wanted = sorted((note.time, note.pitch) for note in symusic.Score(path).tracks[melody.track].notes)
    for chunk, events in enumerate(tracks(path)):
        notes = [(tick, m) for tick, m in events if m.type == "note_on" and m.velocity]
        if sorted((tick, m.note) for tick, m in notes) == wanted:
            return chunk, notes[0][1].channel
    raise AssertionError("no such chunk")


@pytest.mark.parametrize("path", SONGS, ids=[f"{path.parent.name}-{path.stem}" for path in SONGS])
def test_everything_outside_the_gaps_stays_and_the_new_notes_are_there(path, tmp_path):
    for melody in read_melodies(path):
        last = melody.num_steps
        for gaps in ([(0, 32)], [(37, 41), (90, 300)], [(last - 20, last + 200)], [(16, last - 16)]):
            out = tmp_path / "out.mid"
            filled = spliced(path, melody, gaps, out)
            check_outside(path, out, *find_chunk(path, melody), melody, gaps)
            again = next(other for other in read_melodies(out) if other.track == melody.track)
            for first, end in gaps:
                found, expected = ((line.start_steps >= first) & (line.start_steps < end) for line in (again, filled))
                for name in ("pitches", "start_steps", "velocities"):
                    np.testing.assert_array_equal(getattr(again, name)[found], getattr(filled, name)[expected])
                # A kept note may start up to half a step before the edge, and cut the last new one short.
                np.testing.assert_array_equal(again.end_steps[found][:-1], filled.end_steps[expected][:-1])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_gaps_of_any_song_leave_the_rest(tmp_path_factory, data):
    path = data.draw(st.sampled_from(SONGS))
    melody = data.draw(st.sampled_from(read_melodies(path)))
    steps = st.integers(0, melody.num_steps + 40)
    places = sorted(data.draw(st.sets(steps, min_size=2, max_size=6)))
    gaps = list(zip(places[::2], places[1::2], strict=False))
    out = tmp_path_factory.mktemp("any") / "out.mid"
    spliced(path, melody, gaps, out)
    check_outside(path, out, *find_chunk(path, melody), melody, gaps)


def test_the_second_note_off_of_notes_that_overlapped_stays_where_it_is(tmp_path):
    path = DATA / "pop909" / "225.mid"
    melody = next(melody for melody in read_melodies(path) if melody.name == "BRIDGE")
    gaps = [(0, 89)]  # two notes of one pitch begin before its end, and the second note-off follows it
    spliced(path, melody, gaps, tmp_path / "out.mid")
    check_outside(path, tmp_path / "out.mid", *find_chunk(path, melody), melody, gaps)


@pytest.mark.parametrize("name", ["001", "098", "484"])
def test_new_notes_lie_beside_the_grid_as_the_tune_does(name, tmp_path):
    path = DATA / "pop909" / f"{name}.mid"
    melody, _ = choose_melody(read_melodies(path))
    spliced(path, melody, [(600, 700)], tmp_path / "out.mid")

    def distances(path):
        score = symusic.Score(path)
        times = score.tracks[melody.track].notes.numpy()["time"].astype(int)
        steps = ticks_to_steps(times, score.tpq)
        return times - steps * score.tpq // 4, (steps >= 600) & (steps < 700)

    old, _ = distances(path)
    new, inside = distances(tmp_path / "out.mid")
    assert len(set(old)) == 1, "the sample's own notes are a constant number of ticks beside the grid"
    assert abs(old[0]) > 10
    assert inside.any()
    assert set(new[inside]) == {old[0]}


def write_raw(path, bodies, file_format, resolution=96):
    header = b"MThd" + (6).to_bytes(4) + b"".join(n.to_bytes(2) for n in (file_format, len(bodies), resolution))
    path.write_bytes(header + b"".join(b"MTrk" + len(body).to_bytes(4) + body for body in bodies))
    return path


# Two channels in one chunk with a running status, text, tempo and SysEx; channel 1 has a program.
# Notes of channel 0 at steps 0, 4, 8, 12 (24 ticks a step), each a quarter long; one of channel 1 through all of them.
MIXED = bytes.fromhex(
    "00 ff0303 466f6f  00 ff5103 07a120  00 c10b  00 913040  00 903c50"
    "60 3c00 00 3e51  30 ff5103 061a80  30 3e00  00 4052  00 f0 02 01f7  60 904000  00 b0405a 00 904153"
    "60 4100  00 813000 00 ff2f00"
)


@pytest.mark.parametrize("file_format", [0, 2])
def test_one_channel_of_a_chunk_with_a_running_status(tmp_path, file_format):
    bodies = [MIXED] if file_format == 0 else [MIXED, bytes.fromhex("00 953c40 60 3c00 00 ff2f00")]
    path, out = write_raw(tmp_path / "a.mid", bodies, file_format), tmp_path / "out.mid"
    melody = read_melodies(path)[0]
    assert melody.pitches.tolist() == [60, 62, 64, 65]
    out.write_bytes(splice_melody(Song.open(path), melody.replace_steps(4, [41, 0, 0, 0, 50, 1, 0, 0]), [(4, 12)]))
    data = out.read_bytes()
    start, end = track_spans(data)[0]
    assert data[:10] == path.read_bytes()[:10]
    assert data[end:] == path.read_bytes()[14 + 8 + len(MIXED) :]
    assert [(event.tick, event.data.hex()) for event in read_events(data[start:end])] == [
        (0, "ff0303466f6f"),
        (0, "ff510307a120"),
        (0, "c10b"),
        (0, "913040"),
        (0, "903c50"),
        (96, "903c00"),
        (96, "903c52"),  # new: the channel, and the median velocity of the notes around
        (144, "ff5103061a80"),
        (192, "803c40"),
        (192, "f00201f7"),
        (192, "904552"),
        (216, "804540"),
        (288, "b0405a"),
        (288, "904153"),
        (384, "904100"),
        (384, "813000"),
        (384, "ff2f00"),
    ]


def test_a_track_is_its_notes_whatever_their_programs(tmp_path):
    body = bytes.fromhex("00 c005 00 903c40 60 3c00 00 c006 00 903e41 60 3e00 00 ff2f00")
    path, out = write_raw(tmp_path / "a.mid", [body], 0), tmp_path / "out.mid"
    (melody,) = read_melodies(path)
    assert (melody.program, melody.pitches.tolist()) == (5, [60, 62])
    out.write_bytes(splice_melody(Song.open(path), melody.replace_steps(0, np.zeros(8, int)), [(0, 8)]))
    assert write_events(read_events(out.read_bytes()[22:])) == bytes.fromhex("00 c005 60 c006 60 ff2f00")


def test_a_note_that_sounds_into_the_gap_is_cut_and_one_that_starts_in_it_goes_whole(tmp_path):
    score = symusic.Score(480)
    track = symusic.Track("lead", 0, False)
    columns = ([0, 3000, 4000, 9000], [480, 5000, 4500, 480], [60, 62, 67, 64], [90, 91, 92, 93])
    track.notes = symusic.Note.from_numpy(
        *(np.array(column, kind) for column, kind in zip(columns, (np.int32, np.int32, np.int8, np.int8), strict=True))
    )
    score.tracks.append(track)
    (tmp_path / "a.mid").write_bytes(score.dumps_midi())
    (melody,) = read_melodies(tmp_path / "a.mid")
    song = Song.open(tmp_path / "a.mid")
    data = splice_melody(song, melody.replace_steps(32, np.zeros(32, int)), [(32, 64)])
    notes = [
        (note.time, note.duration, note.pitch, note.velocity) for note in symusic.Score.from_midi(data).tracks[0].notes
    ]
    assert notes == [(0, 480, 60, 90), (3000, 840, 62, 91), (9000, 480, 64, 93)]


@pytest.mark.parametrize("bar", [0, 4])
def test_note_offs_that_end_no_note_stay(tmp_path, bar):
    # A grace note whose note-off stands before its note-on, as some programs write them: the note-off of the next note
    # of its pitch ends both. The one of the next grace note, four bars on, ends none.
    grace = "803c00 00 903c40 18 903c40 18 803c00"
    body = bytes.fromhex(f"00 {grace} 8250 {grace} 8250 {grace} 00 ff2f00")
    path = write_raw(tmp_path / "a.mid", [body], 0, resolution=24)
    (melody,) = read_melodies(path)
    first, end = 16 * bar, 16 * bar + 16
    data = splice_melody(Song.open(path), melody.replace_steps(first, np.array([41] + [0] * 15)), [(first, end)])

    def outside(data):
        events = [(event.tick, event.data.hex()) for event in read_events(data[22:])]
        return [event for event in events if not 6 * first <= event[0] < 6 * end]

    kept = outside(path.read_bytes())
    assert outside(data) == sorted([*kept, (6 * end, "803c40")])


def test_new_bars_after_the_end_move_the_end_of_their_track(tmp_path):
    path, out = write_raw(tmp_path / "a.mid", [MIXED], 0), tmp_path / "out.mid"
    melody = read_melodies(path)[0]
    out.write_bytes(splice_melody(Song.open(path), melody.replace_steps(32, [41] + [0] * 31), [(32, 64)]))
    events = read_events(out.read_bytes()[22:])
    assert [(event.tick, event.data.hex()) for event in events[-3:]] == [
        (32 * 24, "903c52"),
        (64 * 24, "803c40"),
        (64 * 24, "ff2f00"),
    ]


def test_ticks_too_coarse_for_the_grid_are_refused(tmp_path):
    path = write_raw(tmp_path / "a.mid", [bytes.fromhex("00 903c40 04 3c00 00 ff2f00")], 0, resolution=2)
    melody = Melody([60], [0], [8])
    with pytest.raises(MidiError, match="2 ticks per quarter note, too few"):
        splice_melody(Song.open(path), melody, [(0, 8)])


def song_of(onsets, metre=(4, 4), velocities=90, pitches=None):
    """A song of one track with eighths at onsets, in quarters."""
    score = symusic.Score(480)
    score.time_signatures.append(symusic.TimeSignature(0, *metre))
    track = symusic.Track("lead", 0, False)
    ticks = np.round(np.asarray(onsets) * 480).astype(np.int32)
    columns = (
        ticks,
        np.full(len(ticks), 200, np.int32),
        60 + np.arange(len(ticks)) % 5 if pitches is None else pitches,
    )
    velocities = np.broadcast_to(velocities, len(ticks))
    track.notes = symusic.Note.from_numpy(*columns[:2], *(np.asarray(c, np.int8) for c in (columns[2], velocities)))
    score.tracks.append(track)
    return Song.open(score.dumps_midi())


def composed(song, first, end, tokens=None):
    """Starts of the notes of a song, in quarters, after new ones in a gap; and which of them are new."""
    melody = read_melodies(song)[0]
    tokens = stream(end - first) if tokens is None else tokens
    again = Song.open(splice_melody(song, melody.replace_steps(first, tokens), [(first, end)]))
    starts = again.tracks[0].notes.start / 480
    edges = np.array([song.grid.ticks(step) for step in (first, end)]) / 480
    return starts, (starts >= edges[0]) & (starts < edges[1])


@pytest.mark.parametrize("ratio", [0.56, 0.6, 0.64, 2 / 3])
@pytest.mark.parametrize("length", [1.0, 0.5])
def test_new_notes_swing_as_the_kept_ones(ratio, length):
    beats = np.arange(64) * length
    late = 0.05
    song = song_of(np.sort(np.concatenate([beats, beats + ratio * length])) + late)
    first = 32 if length == 1 else 16
    starts, new = composed(
        song, first, 2 * first, np.tile([41] + [0] * (int(2 * length) - 1), first // int(2 * length))
    )
    off = (starts - late) % length
    off_beat = (off > 0.1 * length) & (off < 0.9 * length)
    assert off_beat[new].sum() >= 8
    assert abs(np.median(off[off_beat & new]) - np.median(off[off_beat & ~new])) < 0.005
    assert len(starts) == 128


def test_new_notes_of_a_song_in_triplets_are_triplets():
    song = song_of(np.arange(192) / 3)
    assert song.grid.swing.triplets
    empty = song.grid.stays_empty(np.arange(32, 64))
    tokens = np.where(empty, 0, stream(32))
    starts, new = composed(song, 32, 64, tokens)
    np.testing.assert_allclose(starts * 3 % 1 % 0.999, 0, atol=0.01)
    assert new.sum() == (tokens >= 2).sum()


def test_a_straight_song_stays_straight():
    starts, new = composed(song_of(np.arange(128) / 2), 64, 96)
    assert new.any()
    assert (starts * 4 % 1 == 0).all()


@pytest.mark.parametrize("metre", [(3, 4), (6, 8), (2, 4), (5, 8), (7, 16), (12, 8)])
def test_any_metre_is_composed_on_its_steps(metre):
    song = song_of(np.arange(100) / 2, metre)
    first, end = (song.grid.bar_step(bar) for bar in (3, 7))
    tokens = stream(end - first)
    starts, new = composed(song, first, end, tokens)
    np.testing.assert_array_equal(starts[new] * 4, first + np.flatnonzero(tokens >= 2))
    kept = np.arange(100) / 2
    np.testing.assert_array_equal(starts[~new], kept[(kept * 4 < first) | (kept * 4 >= end)])


def test_new_notes_have_the_accents_and_the_contour_of_the_kept_ones():
    places = np.arange(256) % 8
    accents = np.select([places == 0, places % 2 == 0], [20, 8], 0)
    pitches = 60 + np.arange(256) * 7 % 12
    song = song_of(np.arange(256) / 2, velocities=60 + accents + (pitches - 60), pitches=pitches)
    melody = read_melodies(song)[0]
    tokens = np.zeros(64, int)
    tokens[::2] = 41 + np.arange(32) * 5 % 12
    filled = melody.replace_steps(256, tokens)
    new = (filled.start_steps >= 256) & (filled.start_steps < 320)
    expected = 60 + np.tile([20, 0, 8, 0, 8, 0, 8, 0], 4) + np.arange(32) * 5 % 12
    assert np.corrcoef(filled.velocities[new], expected)[0, 1] > 0.95
    assert np.abs(filled.velocities[new] - expected).max() <= 3
    again = melody.replace_steps(256, tokens)
    assert again.velocities.tolist() == filled.velocities.tolist()
