"""What the worker process and whoever asks it say to each other: version 2.

Both ways one JSON object a line, UTF-8; images go through files, never through JSON.

    worker says first   {"event": "hello", "protocol": 2, "crend": VERSION, "pid": PID}

    it is asked                                                     it answers, each with the request's "id"
    {"do": "segment", "id", "image": FILE, "name", "folder": DIR,   {"event": "progress", "stage", "fraction"} many times, then
     "model", "device", "engine", "smallest_follicle_mm",           one of "result" (ovary and follicles: files in DIR,
     "split", "search", "keep_probabilities"}                       measurements, provenance), "cancelled",
                                                                    "input_error" (message), "failure" (message, details)
    {"do": "follicle", "id", "image": FILE, "name", "point": [x, y, z],    as above; "result" has "follicle": a file in DIR
     "folder": DIR, "model", "device", "engine"}
    {"do": "batch", "id", "inputs": [PATH, ...], "out": DIR,        as above, "stage" is the volume's name; "result" has "rows" of the
     "again", and the options of "segment"}                         volumes, keyed by crend.batch.VOLUME_COLUMNS; files lie in DIR
    {"do": "review", "id", "folder": DIR, "names": [A, B],          as above; "result" has figures, maps (each with its .vtp in
     "reference": {"ovary": FILE, "follicles": FILE},               DIR, in RAS), marks, centres, tops and notes, as described in
     "compared": {...}, "field": FILE, "structures", "sides",       crend.comparison.review
     "percentile"}
    {"do": "describe", "id", "device", "engine"}                    {"event": "description", "text": "CPU, OpenVINO"}
    {"do": "cancel", "id"}                                          the request with that id ends as "cancelled"
    {"do": "quit"}, or its standard input closes                    nothing: it ends, even amid a volume

Only `id` and `do` must be there; what is left out takes the default of crend.predict.segment or crend.comparison.review.review. A field is a
displacement in mm from the reference's coordinates to the compared one's (see crend.comparison.warping); a review loads no network. Unknown
requests are a "failure".
Whatever libraries print goes to standard error, so that nothing but the protocol is on standard output.
"""

PROTOCOL = 2
