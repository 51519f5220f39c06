#!/usr/bin/env bash
# Trains, bundles, measures and calibrates crend-sim from its two committed configurations. Started again after any stop it goes on.
#
#     tools/make_model.sh [FOLDER]     cases, runs and the bundle go into FOLDER (default: runs/model)
#
# To see in minutes that every step runs: CONFIGS names a folder with two other configurations (few steps, few volumes), VOLUMES how many volumes
# each report is of, instead of 20 to 80 (of plain phantoms: of each look, instead of 5).
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-runs/model}
configs=${CONFIGS:-training_pkg/crend_training/configs}
python=${PYTHON:-.venv/bin/python}
crend_training() { "$python" -m crend_training "$@"; }
bundle() {
    crend_training bundle "$configs/crend_sim.yaml" --run "$folder/close" --overview "$configs/crend_sim_overview.yaml" --overview-run "$folder/overview" \
        --share 0.6 0.2 --version 0.9.0 --out "$folder/crend-sim" "$@" \
        --author "The CRend authors" --licence Apache-2.0 \
        --changes "a follicle is found from a probability of 0.5 on and ends at 0.6; an ovary is uncertain where it promises less Dice than right ones do"
}
calibrate() { # quick the second time: it keeps what it saw
    crend_training calibrate "$folder/crend-sim" --first-seed 940 --volumes "${VOLUMES:-60}" --cases "$folder/fine/training" --out "$folder/calibration"
}

mkdir -p "$folder"
crend_training train "$configs/crend_sim_overview.yaml" --data "$folder/coarse" --run "$folder/overview"
crend_training train "$configs/crend_sim.yaml" --data "$folder/fine" --run "$folder/close"
bundle
calibrate # before measuring, since it decides what is flagged

# Measuring takes long: a report whose file NAME.of says that it is of this model (weights, and how they are joined) and these volumes is kept.
model=$("$python" -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))["crend"], sort_keys=True))' "$folder/crend-sim/metadata.json")
once() { # NAME OPTION...: `measure` says how
    local report=$folder/$1 measured="${*:2} $model"
    [ -f "$report/summary.json" ] && [ "$(cat "$report.of" 2>/dev/null)" = "$measured" ] && return
    rm -rf "$report" "$report.of"
    "${measure[@]}" --out "$report" "${@:2}"
    echo "$measured" > "$report.of"
}
evaluate() {
    measure=(crend_training evaluate "$folder/crend-sim" --processes "$(nproc)")
    once "$@"
}
plain() {
    measure=("$python" Testing/benchmarks/plain_phantoms.py --bundle "$folder/crend-sim")
    once "$@"
}
evaluate report --first-seed 200 --volumes "${VOLUMES:-60}"
evaluate trial --first-seed 440 --volumes "${VOLUMES:-40}" --simulator trial
evaluate trial-earlier --first-seed 360 --volumes "${VOLUMES:-80}" --simulator trial
evaluate empty --first-seed 200 --volumes "${VOLUMES:-20}" --empty
evaluate empty-trial --first-seed 440 --volumes "${VOLUMES:-20}" --simulator trial --empty
evaluate report-not-rendered --first-seed 200 --volumes "${VOLUMES:-60}" --no-render
evaluate trial-not-rendered --first-seed 440 --volumes "${VOLUMES:-40}" --simulator trial --no-render
evaluate trial-earlier-not-rendered --first-seed 360 --volumes "${VOLUMES:-80}" --simulator trial --no-render
plain plain --volumes "${VOLUMES:-5}"
plain plain-not-rendered --volumes "${VOLUMES:-5}" --no-render

{
    printf '## Rendered against not rendered\n\nBoth measured on the same volumes, compared by `python -m crend_training difference`. p: two-sided Wilcoxon signed-rank over the volumes; Holm: over the figures.\n'
    for each in plain:"Plain phantoms" trial:"The trial simulator" trial-earlier:"Other volumes of the trial simulator" report:"The training simulator"; do
        printf '\n%s:\n\n' "${each#*:}"
        crend_training difference "$folder/${each%%:*}" "$folder/${each%%:*}-not-rendered"
    done
} > "$folder/rendering.md"
{ printf '## Plain phantoms\n\nBalls in an ellipsoid in eight looks, of neither simulator, by `python Testing/benchmarks/plain_phantoms.py`:\n\n' && cat "$folder/plain/looks.md"; } > "$folder/plain.md"
bundle --report "$folder/report" --report "$folder/trial" --report "$folder/trial-earlier" --report "$folder/empty" --report "$folder/empty-trial" \
    --note "$folder/plain.md" --note "$folder/rendering.md" --note training_pkg/results/peers/trial.md --note training_pkg/results/measuring/shapes.md \
    --note training_pkg/results/finetune/card.md
calibrate
echo "$folder/crend-sim is ready; to ship it, copy it to CRendSegmentation/Resources/Models, $folder/report, trial, trial-earlier, empty, empty-trial, plain and those not rendered to training_pkg/results"
