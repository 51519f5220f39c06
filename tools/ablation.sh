#!/usr/bin/env bash
# Does rendering earn its place, and contrast? U-Net, C-Rend as in the paper (crend), Rend and C-Rend whose head sees the full-size map and learns
# by Dice as the coarse map does (rend-detail, crend-detail) with the other settings of the bundled model's first look, at an equal number of steps
# on the same cases, measured alone (no close look) on volumes of both simulators. Started again after any stop it goes on; other settings need
# another folder, other VOLUMES are measured anew. SYSTEMS="unet crend-detail" in the environment trains and measures fewer.
#
#     tools/ablation.sh FOLDER [STEPS] [VOLUMES]     default: 10000 steps, 40 volumes of each simulator
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 steps=${2:-10000} volumes=${3:-40}
config=training_pkg/crend_training/configs/crend_sim_overview.yaml
crend_training() { "${PYTHON:-.venv/bin/python}" -m crend_training "$@"; }
measure() { # BUNDLE SIMULATOR NAME OPTION...
    local report=$folder/$3-$2
    [ -f "$report/summary.json" ] && [[ $(tr -d ' \n' < "$report/summary.json") == *"\"seeds\":[0,$volumes]"* ]] && return
    rm -rf "$report"
    crend_training evaluate "$1" --simulator "$2" --first-seed 0 --volumes "$volumes" --processes "$(nproc)" --out "$report" "${@:4}"
}
settings() { grep -v '^#' "$1"; }
systems=${SYSTEMS:-unet crend rend-detail crend-detail}
trained() { [[ " $systems " == *" $1 "* ]]; }

mkdir -p "$folder"
for system in $systems; do
    plain=(-e '/^contrast:/d')
    [[ $system == *-detail ]] || plain+=(-e 's/, detail: true//' -e '/^point_dice_weight:/d')
    wanted=$(sed -e "s/^network: .*/network: ${system%-detail}/; s/^steps: .*/steps: $steps/; s/^name: .*/name: $system/" "${plain[@]}" $config)
    # A run trained with another number of steps, or other settings, has had another learning rate all along: it cannot go on as this one.
    if [ -d "$folder/$system" ] && ! diff <(settings "$folder/$system.yaml") <(settings <(echo "$wanted")) >&2; then
        echo "error: $folder/$system was trained with other settings (<) than asked for now (>); give another folder, or the settings of that one" >&2
        exit 2
    fi
    echo "$wanted" > "$folder/$system.yaml"
    crend_training train "$folder/$system.yaml" --data "${COARSE:-$folder/coarse}" --run "$folder/$system"
    crend_training bundle "$folder/$system.yaml" --run "$folder/$system" --out "$folder/model-$system"
done
for simulator in training trial; do
    for system in $systems; do
        measure "$folder/model-$system" $simulator "$system"
        [ "$system" = unet ] || measure "$folder/model-$system" $simulator "$system-not-rendered" --no-render
    done
    for pair in "crend unet" "crend-detail unet" "crend-detail crend" "crend-detail rend-detail"; do
        read -r one other <<< "$pair"
        trained "$one" && trained "$other" || continue
        echo "## $one against $other, $simulator simulator"
        crend_training difference "$folder/$one-$simulator" "$folder/$other-$simulator"
    done
    for system in $systems; do
        [ "$system" = unet ] && continue
        echo "## $system against the same, not rendered, $simulator simulator"
        crend_training difference "$folder/$system-$simulator" "$folder/$system-not-rendered-$simulator"
    done
done
