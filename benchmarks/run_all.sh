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
table samplers python benchmarks/samplers.py lakh_pop_small --train "$lakh/train_melody" \
    --data "$lakh/validation_melody" -o "$output/samplers"
table waiting python benchmarks/waiting.py examples/tune.mid
table precision python benchmarks/precision.py lakh_pop_small --train "$lakh/train_melody"
table lstm python benchmarks/lstm.py
table reconstruction python benchmarks/reconstruction.py lakh_pop_small "$lakh/validation_melody"
table evaluation python benchmarks/evaluation.py "$lakh/train_melody" "$lakh/validation_melody"
table infill_identity python benchmarks/infill_identity.py "$pop909" "$lakh/train_trio"
table tfds_ingest python benchmarks/tfds_build.py ingest "$pop909"
table tfds_build python benchmarks/tfds_build.py build "$lakh/train_melody" "$lakh/train_trio" \
    "$lakh/validation_melody" "$pop909"
table tfds_step python benchmarks/tfds_build.py step
test -z "$failed" || { echo "failed:$failed" >&2; exit 1; }
