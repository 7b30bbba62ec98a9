"""`symdiff inspect`: what a MIDI file or folder holds, and what would be made of it."""

import click

_BARS_PER_LINE = 8  # of chords


@click.command("inspect")
@click.argument("file_or_dir", type=click.Path(exists=True, allow_dash=True))
def inspect_command(file_or_dir):
    """Show the melodies of a MIDI file, or count those of a folder.

    For a file: its tracks, metre, tempo, bars, swing, key and chords, which melody `infill` uses and why, what is
    dropped, and what `infill` refuses. For a folder: a table of counts, and the files that cannot be used, with
    reasons. `-` reads a file from standard input.
    """
    import pathlib

    if pathlib.Path(file_or_dir).is_dir():
        _inspect_folder(file_or_dir)
    else:
        _inspect_file(file_or_dir)


def _inspect_file(path):
    from keras_symdiff.cli.read_inputs import open_song
    from keras_symdiff.constants import MAX_PITCH, MIN_PITCH
    from keras_symdiff.infilling.gaps import refused_by_infilling
    from keras_symdiff.music.midi import choose_melody, read_melodies

    song = open_song(path)
    melodies = read_melodies(song)
    chosen, reason = choose_melody(melodies)
    tempos = [f"{qpm:.1f} at bar {chosen.grid.bar_of(step) + 1}" for step, qpm in chosen.tempos]
    meters = [
        f"{numerator}/{denominator} at bar {chosen.grid.bar_of(step) + 1}"
        for step, numerator, denominator in chosen.time_signatures
    ]
    click.echo(path)
    click.echo(f"  bars      {max(melody.num_bars for melody in melodies)}, {song.ticks_per_quarter} ticks per quarter")
    click.echo(f"  tempo     {_shortened(tempos)} (quarters per minute)")
    click.echo(f"  meter     {_shortened(meters) or 'none given, taken as 4/4'}")
    click.echo(f"  swing     {song.grid.swing}")
    click.echo("  track  name                  program  bars      pitches  notes  in line  phrases  rests")
    for melody in melodies:
        _, rests = melody.phrases()
        click.echo(
            f"  {melody.track + 1:>5}  {melody.name[:20] or '(no name)':<20}  {melody.program:>7}  "
            f"{f'{melody.first_bar + 1}-{melody.num_bars}':<8}  {f'{melody.pitches.min()}-{melody.pitches.max()}':<7}  "
            f"{melody.num_source_notes:>5}  {len(melody.pitches):>7}  {len(rests):>7}  {rests.sum():>5}"
        )
    click.echo(f"  used      {chosen.name or '(no name)'} (track {chosen.track + 1}), because {reason}")

    _show_harmony(song, chosen)
    dropped = []
    drums = sum(track.is_drum for track in song.tracks)
    if drums:
        dropped.append(f"{drums} drum track{'s' * (drums > 1)}")
    notes = sum(len(track.notes.pitch) for track in song.tracks if not track.is_drum)
    in_range = sum(melody.num_source_notes for melody in melodies)
    if notes > in_range:
        dropped.append(f"{notes - in_range} notes outside pitches {MIN_PITCH} to {MAX_PITCH}")
    of_no_length = sum(int(sum(track.notes.end == track.notes.start)) for track in song.tracks)
    if of_no_length:
        dropped.append(f"{of_no_length} of no length, which lasts a sixteenth or goes beneath another note")
    covered = sum(melody.num_source_notes - len(melody.pitches) for melody in melodies)
    if covered:
        dropped.append(f"{covered} notes below a higher one that starts with them")
    click.echo(f"  dropped   {', '.join(dropped) or 'nothing'}")
    click.echo(f"  refused   {'; '.join(refused_by_infilling(song)) or 'nothing'}")


def _show_harmony(song, melody):
    """The key of melody and harmony, and the chords that the other tracks sound in each bar."""
    import numpy as np

    from keras_symdiff.music.accompaniment import accompaniment, beneath_phrases
    from keras_symdiff.music.chord_symbols import Chords
    from keras_symdiff.music.key import SURE, estimate_key, pitch_class_weights

    beneath = beneath_phrases(song, melody.track, melody.phrase_steps)
    key, confidence = estimate_key(pitch_class_weights(melody.phrases()[0], beneath))
    click.echo(f"  key       {key}{'' if confidence >= SURE else ', or another'}")
    lines = song.grid.bar_lines(song.num_steps)
    halves = np.append(np.stack([lines[:-1], (lines[:-1] + lines[1:]) // 2], axis=1), lines[-1])
    heard = accompaniment(song, melody.track, halves)
    if np.isnan(heard).all():
        return click.echo("  chords    none: there are no other pitched tracks")
    bars = Chords.heard(heard, beats_per_bar=2).bars
    for first in range(0, len(bars), _BARS_PER_LINE):
        row = " | ".join(" ".join(bar) for bar in bars[first : first + _BARS_PER_LINE])
        click.echo(f"  {'' if first else 'chords':<9} {first + 1:>4}  {row}")


def _inspect_folder(path):
    from keras_symdiff.cli.console import labelled_bar
    from keras_symdiff.music.corpus import read_corpus

    corpus = read_corpus(path, labelled_bar("Reading MIDI files"))
    labels = {
        "files": "files with a melody",
        "skipped": "files skipped",
        "melodies": "melodies",
        "phrases": "two-bar phrases",
        "distinct": "distinct phrases",
        "rests": "phrases without onset",
        "windows": "pieces of 32 phrases without a rest phrase",
    }
    for key, value in corpus.counts().items():
        click.echo(f"{value:>10,}  {labels[key]}")
    for file, reason in corpus.skipped:
        click.echo(f"skipped {file}: {reason}")


def _shortened(parts, limit=8):
    more = f", and {len(parts) - limit} more" if len(parts) > limit else ""
    return ", ".join(parts[:limit]) + more
