#!/bin/sh
# Prints the tables of README.md anew, hours of work on two cores; what fails is named at the end.
#
#     sh benchmarks/run_all.sh LMD64 POP909 OUTPUT
#
# LMD64 holds train_melody, train_trio and validation_melody, POP909 its songs. Each table is OUTPUT/NAME.md; a table that
# is there already is not made again, so that the same command goes on where it stopped.
test $# -eq 3 || { sed -n '4s/# *//p' "$0"; exit 2; }
cd "$(dirname "$0")/.." || exit 2
lakh=$1 pop909=$2 output=$3 failed=""
mkdir -p "$output"

table() {
    name=$1
    shift
    test -s "$output/$name.md" && return
    echo "$name: $*" >&2
    if "$@" >"$output/$name.part"; then mv "$output/$name.part" "$output/$name.md"; else failed="$failed $name"; fi
}

table train_step python benchmarks/train_step.py --model denoiser mdn --batch 64 128
table step_parts python benchmarks/step_parts.py
table vae_throughput python benchmarks/vae_throughput.py
# The two tables of samplers and noise gather all their rows in samplers.md of the folder that they name.
samplers() { python benchmarks/samplers.py lakh_small --train "$lakh/train_melody" "$output/trio_melodies" \
    --data "$lakh/validation_melody" "$@"; }
test -d "$output/trio_melodies" || python examples/trio_melodies.py "$lakh/train_trio" "$output/trio_melodies"
table samplers samplers -n 128 -o "$output/samplers" --steps 5 10 25 50 100
table samplers_guided samplers -n 128 -o "$output/samplers" --steps 5 10 25 50 100 \
    --samplers dpm-solver-sde --noise-scales 0.972 --guidances 1
table samplers_1000 samplers -n 128 -o "$output/samplers" --steps 1000 --samplers ancestral
table noise samplers -n 476 -o "$output/noise" --steps 25 --samplers dpm-solver-sde \
    --noise-scales 1 0.985 0.972 0.955 0.94 --guidances 0 1
table noise_guidance samplers -n 476 -o "$output/noise" --steps 25 --samplers dpm-solver-sde \
    --noise-scales 1 0.972 --guidances 2
table waiting python benchmarks/waiting.py examples/tune.mid
table precision env KERAS_BACKEND=torch python benchmarks/precision.py lakh_small -n 64 \
    --train "$lakh/train_melody" "$output/trio_melodies"
table lstm python benchmarks/lstm.py
table reconstruction python benchmarks/reconstruction.py lakh_small "$lakh/validation_melody"
table evaluation python benchmarks/evaluation.py "$lakh/train_melody" "$lakh/validation_melody"
table infill_identity python benchmarks/infill_identity.py "$pop909" "$lakh/train_trio"
table tfds_ingest python benchmarks/tfds_build.py ingest "$pop909"
table tfds_build python benchmarks/tfds_build.py build "$lakh/train_melody" "$lakh/train_trio" \
    "$lakh/validation_melody" "$pop909"
table tfds_step python benchmarks/tfds_build.py step
test -z "$failed" || { echo "failed:$failed" >&2; exit 1; }
