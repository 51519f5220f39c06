#!/usr/bin/env bash
# Trains, bundles, measures and calibrates crend-sim from its two committed configurations. Started again after any stop it goes on.
#
#     tools/make_model.sh [FOLDER]     cases, runs and the bundle go into FOLDER (default: runs/model)
#
# START: the bundle to begin with (default: crend-sim). To see in minutes that every step runs: CONFIGS names a folder with two other configurations
# (few steps, few volumes), VOLUMES how many volumes each report is of, instead of 40 and 100 (of plain phantoms: of each look, instead of 5).
# How long each step took is in FOLDER/seconds.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-runs/model}
configs=${CONFIGS:-training_pkg/crend_training/configs/mixed}
python=${PYTHON:-.venv/bin/python}
start=${START:-crend-sim}
crend_training() { "$python" -m crend_training "$@"; }
timed() { # NAME COMMAND...
    local began=$SECONDS
    "${@:2}"
    echo "$1: $((SECONDS - began)) s" >> "$folder/seconds.txt"
}
bundle() {
    crend_training bundle "$configs/crend_sim.yaml" --run "$folder/close" --overview "$configs/crend_sim_overview.yaml" --overview-run "$folder/overview" \
        --start "$start" --share 0.5 0.2 --version 0.10.0 --out "$folder/crend-sim" "$@" \
        --author "The CRend authors" --licence Apache-2.0 --intended-use "Research on follicles in 3D ultrasound of the ovary." \
        --changes "trained further on mixed scenes, a third of them without an ovary; the close look sees what the first look made of the volume"
}
calibrate() { # on a mix, quick the second time: it keeps what it saw
    crend_training calibrate "$folder/crend-sim" --first-seed 940 --volumes "${VOLUMES:-12}" --empty "${VOLUMES:-8}" \
        --simulator training --simulator trial --simulator training-mixed --simulator trial-crowded \
        --cases "$folder/fine/training" --out "$folder/calibration"
}

mkdir -p "$folder"
timed "first look" crend_training train "$configs/crend_sim_overview.yaml" --data "$folder/coarse" --run "$folder/overview" --start "$start"
timed "volumes of the close look" crend_training prepare "$configs/crend_sim.yaml" --data "$folder/fine"
timed "the same on the grid of the first look" crend_training prepare "$configs/crend_sim_overview.yaml" --volumes "$configs/crend_sim.yaml" --data "$folder/others"
timed "guides" crend_training guide "$configs/crend_sim_overview.yaml" --run "$folder/overview" --coarse "$folder/others" --data "$folder/fine"
timed "close look" crend_training train "$configs/crend_sim.yaml" --data "$folder/fine" --run "$folder/close" --start "$start"
bundle
timed calibration calibrate # before measuring, since it decides what is flagged

# Measuring takes long: a report whose file NAME.of says that it is of this model (weights, and how they are joined) and these volumes is kept.
model=$("$python" -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))["crend"], sort_keys=True))' "$folder/crend-sim/metadata.json")
once() { # NAME OPTION...: `measure` says how
    local report=$folder/$1 measured="${*:2} $model"
    [ -f "$report/summary.json" ] && [ "$(cat "$report.of" 2>/dev/null)" = "$measured" ] && return
    rm -rf "$report" "$report.of"
    timed "$1" "${measure[@]}" --out "$report" "${@:2}"
    echo "$measured" > "$report.of"
}
evaluate() {
    measure=(crend_training evaluate "$folder/crend-sim" --processes "$(nproc)")
    once "$@"
}
reports=()
for simulator in training trial training-mixed trial-crowded; do
    evaluate "$simulator" --first-seed 480 --volumes "${VOLUMES:-40}" --simulator "$simulator"
    reports+=(--report "$folder/$simulator")
done
for simulator in training trial; do
    evaluate "$simulator-empty" --first-seed 600 --volumes "${VOLUMES:-100}" --simulator "$simulator" --empty
    reports+=(--report "$folder/$simulator-empty")
done
evaluate trial-not-rendered --first-seed 480 --volumes "${VOLUMES:-40}" --simulator trial --no-render
measure=("$python" Testing/benchmarks/plain_phantoms.py --bundle "$folder/crend-sim")
once plain --volumes "${VOLUMES:-5}" --first-seed 5

{
    printf '## Rendered against not rendered\n\nBoth on the same volumes of the trial simulator, compared by `python -m crend_training difference`. p: two-sided Wilcoxon signed-rank over the volumes; Holm: over the figures.\n\n'
    crend_training difference "$folder/trial" "$folder/trial-not-rendered"
} > "$folder/rendering.md"
{ printf '## Plain phantoms\n\nBalls in an ellipsoid in eight looks, of neither simulator, by `python Testing/benchmarks/plain_phantoms.py`:\n\n' && cat "$folder/plain/looks.md"; } > "$folder/plain.md"
bundle "${reports[@]}" --note "$folder/plain.md" --note "$folder/rendering.md"
calibrate
echo "$folder/crend-sim is ready; to ship it, copy it to CRendSegmentation/Resources/Models, and the reports in $folder to training_pkg/results/crend-sim"
