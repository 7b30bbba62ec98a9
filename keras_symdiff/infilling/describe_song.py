"""What `symdiff inspect` says of a song."""

from keras_symdiff.constants import MAX_PITCH, MIN_PITCH
from keras_symdiff.infilling.gaps import refused_by_infilling
from keras_symdiff.music.accompaniment import beneath_phrases
from keras_symdiff.music.heard_chords import heard_chords
from keras_symdiff.music.key import SURE, estimate_key, pitch_class_weights
from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.song import Song

_BARS_PER_LINE = 8  # of chords
_MOST_CHANGES = 8  # of tempo or metre that are listed


def describe_song(song: Song) -> str:
    """Describes a song and what would be made of it.

    Args:
        song: `Song`.

    Returns:
        Lines on its bars, tempo, metre, swing and tracks, the melody that infilling takes, key and chords, what reading
        drops, and what infilling refuses.

    Raises:
        MidiError: if no track could be a melody.
    """
    melodies = read_melodies(song)
    chosen, reason = choose_melody(melodies)
    bar_of = chosen.grid.bar_of
    tempos = [f"{qpm:.1f} at bar {bar_of(step) + 1}" for step, qpm in chosen.tempos]
    metres = [f"{over}/{under} at bar {bar_of(step) + 1}" for step, over, under in chosen.time_signatures]
    tracks = []
    for melody in melodies:
        _, rests = melody.phrases()
        tracks.append(
            f"  {melody.track + 1:>5}  {melody.name[:20] or '(no name)':<20}  {melody.program:>7}  "
            f"{f'{melody.first_bar + 1}-{melody.num_bars}':<8}  {f'{melody.pitches.min()}-{melody.pitches.max()}':<7}  "
            f"{melody.num_source_notes:>5}  {len(melody.pitches):>7}  {len(rests):>7}  {rests.sum():>5}"
        )
    return "\n".join(
        [
            f"  bars      {max(melody.num_bars for melody in melodies)}, {song.ticks_per_quarter} ticks per quarter",
            f"  tempo     {_first(tempos)} (quarters per minute)",
            f"  metre     {_first(metres) or 'none given, taken as 4/4'}",
            f"  swing     {song.grid.swing}",
            "  track  name                  program  bars      pitches  notes  in line  phrases  rests",
            *tracks,
            f"  used      {chosen.name or '(no name)'} (track {chosen.track + 1}), because {reason}",
            *_harmony(song, chosen),
            f"  dropped   {', '.join(_dropped(song, melodies)) or 'nothing'}",
            f"  refused   {'; '.join(refused_by_infilling(song)) or 'nothing'}",
        ]
    )


def _dropped(song, melodies):
    drums = sum(track.is_drum for track in song.tracks)
    notes = sum(len(track.notes.pitch) for track in song.tracks if not track.is_drum)
    in_range = sum(melody.num_source_notes for melody in melodies)
    of_no_length = sum(int(sum(track.notes.end == track.notes.start)) for track in song.tracks)
    covered = sum(melody.num_source_notes - len(melody.pitches) for melody in melodies)
    counts = [
        (drums, f"drum track{'s' * (drums > 1)}"),
        (notes - in_range, f"notes outside pitches {MIN_PITCH} to {MAX_PITCH}"),
        (of_no_length, "of no length, which lasts a sixteenth or goes beneath another note"),
        (covered, "notes below a higher one that starts with them"),
    ]
    return [f"{count} {what}" for count, what in counts if count > 0]


def _harmony(song, melody):
    """The key of melody and harmony, and the chords that the other tracks sound in each bar."""
    beneath = beneath_phrases(song, melody.track, melody.phrase_steps)
    key, confidence = estimate_key(pitch_class_weights(melody.phrases()[0], beneath))
    lines = [f"  key       {key}{'' if confidence >= SURE else ', or another'}"]
    chords = heard_chords(song, melody.track)
    if chords is None:
        return [*lines, "  chords    none: there are no other pitched tracks"]
    for first in range(0, len(chords.bars), _BARS_PER_LINE):
        row = " | ".join(" ".join(bar) for bar in chords.bars[first : first + _BARS_PER_LINE])
        lines.append(f"  {'' if first else 'chords':<9} {first + 1:>4}  {row}")
    return lines


def _first(parts):
    more = f", and {len(parts) - _MOST_CHANGES} more" if len(parts) > _MOST_CHANGES else ""
    return ", ".join(parts[:_MOST_CHANGES]) + more
