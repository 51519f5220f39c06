#!/usr/bin/env bash
# What fine-tuning on five volumes of the testing simulator (seeds 100 to 104) brings on others of it (seeds 440 to 479), that neither network has seen.
#
#     tools/finetune_on_trial.sh MODEL FOLDER [REPORT]     REPORT: of MODEL on seeds 440 to 479, where `evaluate --simulator trial` has written one
set -euo pipefail
model=$1 folder=$2 report=${3:-$2/before}
crend_training() { "${PYTHON:-.venv/bin/python}" -m crend_training "$@"; }
measure() { crend_training evaluate "$1" --simulator trial --first-seed 440 --volumes 40 --processes "$(nproc)" --out "$2"; }

mkdir -p "$folder/volumes"
echo name,image,label > "$folder/volumes/list.csv"
for seed in 100 101 102 103 104; do
    [ -f "$folder/volumes/$seed/labels.nrrd" ] || crend_training phantom --trial --seed $seed --out "$folder/volumes/$seed"
    echo "trial$seed,$seed/volume.nrrd,$seed/labels.nrrd" >> "$folder/volumes/list.csv"
done
[ -f "$report/summary.json" ] || measure "$model" "$report"
crend_training finetune "$model" "$folder/volumes/list.csv" --out "$folder/finetuned"
measure "$folder/finetuned" "$folder/after"
crend_training difference "$folder/after" "$report"
