-- The sandbox's record of what LINE would know. Times are unix milliseconds.
PRAGMA journal_mode = WAL;

CREATE TABLE channels (
    channel_id   text PRIMARY KEY,
    secret       text NOT NULL,
    bot_user_id  text NOT NULL,
    basic_id     text NOT NULL,
    display_name text NOT NULL,
    quota        integer, -- null: no limit
    used         integer NOT NULL
) WITHOUT ROWID;

-- One row: the quota and use that a new channel begins with.
CREATE TABLE defaults (quota integer, used integer NOT NULL);
INSERT INTO defaults VALUES (NULL, 0);

CREATE TABLE tokens (
    token      text PRIMARY KEY,
    channel_id text NOT NULL,
    expires_ms integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE friends (
    channel_id        text NOT NULL,
    user_id           text NOT NULL,
    display_name      text NOT NULL,
    state             text NOT NULL,
    last_delivered_ms integer,
    PRIMARY KEY (channel_id, user_id)
) WITHOUT ROWID;

CREATE TABLE pushes (
    id         integer PRIMARY KEY AUTOINCREMENT, -- never given twice, so that "since" holds across a reset
    channel_id text NOT NULL,
    user_id    text NOT NULL,
    retry_key  text, -- null: none was sent, or it is older than LINE's memory
    arrived_ms integer NOT NULL,
    request_id text NOT NULL,
    delivered  integer NOT NULL,
    body       blob NOT NULL
);
CREATE UNIQUE INDEX pushes_retry_key ON pushes (channel_id, retry_key) WHERE retry_key IS NOT NULL;
CREATE INDEX pushes_chat ON pushes (channel_id, user_id, id) WHERE delivered;

CREATE TABLE attempts (
    id         integer PRIMARY KEY AUTOINCREMENT,
    at_ms      integer NOT NULL,
    channel_id text NOT NULL,
    retry_key  text,
    status     integer NOT NULL
);

-- One row: how the emulator misbehaves, as JSON.
CREATE TABLE faults (content text NOT NULL);
INSERT INTO faults VALUES ('{}');
