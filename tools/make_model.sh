#!/usr/bin/env bash
# Trains, bundles, measures and calibrates crend-sim from its two committed configurations. Started again after any stop it goes on.
#
#     tools/make_model.sh [FOLDER]     cases, runs and the bundle go into FOLDER (default: runs/model)
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-runs/model}
configs=training_pkg/crend_training/configs
crend_training() { "${PYTHON:-.venv/bin/python}" -m crend_training "$@"; }
bundle() {
    crend_training bundle $configs/crend_sim.yaml --run "$folder/close" --overview $configs/crend_sim_overview.yaml --overview-run "$folder/overview" \
        --share 1 0.6 --version 0.2.0 --out "$folder/crend-sim" "$@" \
        --changes "an overview network that sees the whole volume; both trained with Muon on 500 volumes; the ovary's threshold suits the volume; follicles from 2 mm"
}

mkdir -p "$folder"
crend_training train $configs/crend_sim_overview.yaml --data "$folder/coarse" --run "$folder/overview"
crend_training train $configs/crend_sim.yaml --data "$folder/fine" --run "$folder/close"
bundle
evaluate() { crend_training evaluate "$folder/crend-sim" --first-seed 0 --processes "$(nproc)" "$@"; }
evaluate --volumes 20 --out "$folder/report"
evaluate --volumes 40 --simulator trial --out "$folder/trial"
bundle --report "$folder/report" --report "$folder/trial"
crend_training calibrate "$folder/crend-sim" --first-seed 940 --volumes 21 --cases "$folder/fine/training" --out "$folder/calibration"
echo "$folder/crend-sim is ready; to ship it, copy it to CRendSegmentation/Resources/Models, $folder/report and $folder/trial to training_pkg/results"
