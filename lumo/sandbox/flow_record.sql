-- The sandbox's record of what Klaviyo would know of Flows. Times are unix milliseconds.
PRAGMA journal_mode = WAL;

CREATE TABLE flows (
    id              integer PRIMARY KEY,
    name            text NOT NULL,
    metric          text NOT NULL, -- empty: started by a list, a segment or a date
    destination_url text NOT NULL,
    header_name     text NOT NULL,
    header_value    text NOT NULL,
    body            text NOT NULL, -- as pasted
    klaviyo_flow_id text NOT NULL UNIQUE,
    created_ms      integer NOT NULL
);

CREATE TABLE runs (
    id          integer PRIMARY KEY AUTOINCREMENT,
    flow_id     integer NOT NULL REFERENCES flows (id),
    profile_key text NOT NULL,
    event_key   text NOT NULL,
    body        text NOT NULL, -- rendered: every try posts the same
    created_ms  integer NOT NULL,
    state       text NOT NULL,
    next_try_ms integer -- null: none will follow
);
CREATE INDEX runs_flow ON runs (flow_id, id);
CREATE INDEX runs_due ON runs (next_try_ms) WHERE next_try_ms IS NOT NULL;

CREATE TABLE tries (
    id     integer PRIMARY KEY AUTOINCREMENT,
    run_id integer NOT NULL REFERENCES runs (id),
    at_ms  integer NOT NULL,
    status integer, -- null: no answer
    answer text NOT NULL -- its beginning; or why there was none
);
CREATE INDEX tries_run ON tries (run_id, id);
