"""How far a result can be trusted: confidence of each follicle, expected Dice, familiarity, flags."""
